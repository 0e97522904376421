"""`lro serve` with certificates, and clients that have some too."""

import os
import re
import subprocess
import sys
from pathlib import Path

import grpc
import requests

from longrunning.serving import CertificateFiles
from tests.longrunning.commands.certificates import Authority

ROOT = Path(__file__).parents[3]
LRO = Path(sys.executable).with_name("lro")
_PORTS = ("--grpc=127.0.0.1:0", "--http=127.0.0.1:0")

APP = """
import asyncio
from pathlib import Path

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning import App, MemoryStore, Operations

operations = Operations(MemoryStore())

@operations.handler(response=scanner_pb2.Manifest, metadata=scanner_pb2.ScanMetadata)
async def scan(request: scanner_pb2.ScanRequest, operation) -> scanner_pb2.Manifest:
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    return scanner_pb2.Manifest(bytes_total=3)

class Scanner(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        return await operations.start(scan, request, context=context, parent=request.parent)

app = App(operations, servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, Scanner())])
"""


class Mount:
    """Files as Kubernetes mounts a secret: links through `..data`, which is swapped at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def put(self, **content: bytes) -> None:
        self._count += 1
        version = self.folder / f"..{self._count}"
        version.mkdir(parents=True)
        for name, text in content.items():
            (version / name).write_bytes(text)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data") / name)
        (self.folder / "..next").symlink_to(version.name)
        (self.folder / "..next").rename(self.folder / "..data")

    def issue(self, authority: Authority, clients: Authority) -> None:
        chain, key = authority.issue()
        self.put(crt=chain, key=key, ca=clients.certificate)

    def files(self, *, mutual: bool = False) -> CertificateFiles:
        ca = self.folder / "ca" if mutual else None
        return CertificateFiles(cert=self.folder / "crt", key=self.folder / "key", client_ca=ca)


class Served:
    """`lro serve` with a certificate, in a process of its own."""

    def __init__(self, folder: Path, mount: Mount, *options: str) -> None:
        (folder / "secured.py").write_text(APP)
        self.folder = folder
        self._log = folder / "log"
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        environment.pop("GRPC_VERBOSITY", None)  # what the core says of its own accord counts too
        files = ("--tls-cert", mount.folder / "crt", "--tls-key", mount.folder / "key")
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [LRO, "serve", "secured:app", *_PORTS, *files, *options],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout
        self.banner = line = self.process.stdout.readline()
        match = re.search(
            r"gRPC on 127\.0\.0\.1:(\d+) and HTTP on https://127\.0\.0\.1:(\d+)", line
        )
        assert match, line + self.log
        self.grpc, self.http = int(match[1]), int(match[2])

    @property
    def log(self) -> str:
        return self._log.read_text()

    def channel(self, trusted: Authority, shown: tuple[bytes, bytes] | None) -> grpc.Channel:
        chain, key = shown or (None, None)
        credentials = grpc.ssl_channel_credentials(trusted.certificate, key, chain)
        alone = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.secure_channel(f"localhost:{self.grpc}", credentials, alone)

    def session(self, trusted: Authority, shown: tuple[bytes, bytes] | None) -> requests.Session:
        session = requests.Session()
        session.trust_env = False  # what it names would be trusted in place of ours
        session.verify = str(self.folder / f"trusted-{id(trusted)}")
        Path(session.verify).write_bytes(trusted.certificate)
        if shown:
            files = [self.folder / f"shown-{id(shown)}.{name}" for name in ("crt", "key")]
            for file, text in zip(files, shown, strict=True):
                file.write_bytes(text)
            session.cert = (str(files[0]), str(files[1]))
        return session

    def url(self, path: str) -> str:
        return f"https://localhost:{self.http}/v1/{path}"
