"""TLS and mutual TLS on both ports, through certificates that change."""

import asyncio
import logging
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ed448
from google.longrunning import operations_pb2, operations_pb2_grpc

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning.serving import CertificateFiles, StartupError
from longrunning.serving import tls as tls_module
from longrunning.serving.addresses import Address
from longrunning.serving.tls import TLS
from tests.longrunning.commands.certificates import Authority
from tests.longrunning.serving.doors import PARENT, opened
from tests.longrunning.serving.secured import APP, LRO, ROOT, Mount, Served

AUTHORITY, CLIENTS, STRANGER = Authority(), Authority(), Authority()


def until(reached: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline, f"never {what}"
        time.sleep(0.02)


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    made = Mount(tmp_path / "tls")
    made.issue(AUTHORITY, CLIENTS)
    return made


@pytest.fixture
def serve(tmp_path: Path, mount: Mount) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*options: str) -> Served:
        started.append(Served(tmp_path, mount, *options))
        return started[-1]

    yield start
    for served in started:
        served.process.kill()
        served.process.communicate()


def start_scan(channel: grpc.Channel) -> str:
    stub = scanner_pb2_grpc.ScannerStub(channel)
    return str(stub.Scan(scanner_pb2.ScanRequest(parent=PARENT), timeout=20).name)


def listed(channel: grpc.Channel) -> None:
    stub = operations_pb2_grpc.OperationsStub(channel)
    stub.ListOperations(operations_pb2.ListOperationsRequest(name=PARENT), timeout=20)


def refusal(channel: grpc.Channel) -> str:
    with channel, pytest.raises(grpc.RpcError) as refused:
        listed(channel)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    return str(refused.value.details())


def test_all_ports_speak_tls(serve: Callable[..., Served]) -> None:
    served = serve("--http-by-host=127.0.0.1:0")
    with served.channel(AUTHORITY, None) as channel:
        name = start_scan(channel)
    with served.session(AUTHORITY, None) as session:
        assert session.get(served.url(name)).json()["name"] == name
        match = re.search(r"HTTP by Host on (https://127\.0\.0\.1:\d+),", served.banner)
        assert match
        assert session.get(f"{match[1]}/v1/{name}").json()["name"] == name


def test_a_client_trusts_only_its_own_authorities(serve: Callable[..., Served]) -> None:
    served = serve()
    assert "handshake failed" in refusal(served.channel(STRANGER, None))
    with served.session(STRANGER, None) as session, pytest.raises(requests.exceptions.SSLError):
        session.get(served.url("operations"))


def test_with_authorities_for_clients_each_has_to_show_a_certificate(
    serve: Callable[..., Served], mount: Mount
) -> None:
    served = serve("--tls-client-ca", str(mount.folder / "ca"))
    ours = CLIENTS.issue(name="lister")
    with served.channel(AUTHORITY, ours) as channel:
        name = start_scan(channel)
    with served.session(AUTHORITY, ours) as session:
        assert session.get(served.url(name)).json()["name"] == name
    for shown in (None, STRANGER.issue()):
        refusal(served.channel(AUTHORITY, shown))
        session = served.session(AUTHORITY, shown)
        with session, pytest.raises(requests.exceptions.ConnectionError):  # SSLError is one
            session.get(served.url(name))


def test_the_other_commands_come_in_with_a_certificate(
    serve: Callable[..., Served], mount: Mount, tmp_path: Path
) -> None:
    served = serve("--tls-client-ca", str(mount.folder / "ca"))
    chain, key = CLIENTS.issue()
    with served.channel(AUTHORITY, (chain, key)) as channel:
        name = start_scan(channel)
    for file, text in (("root", AUTHORITY.certificate), ("crt", chain), ("key", key)):
        (tmp_path / file).write_bytes(text)

    def lro(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [LRO, *arguments, f"--address=localhost:{served.grpc}", "--ca=root"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    ours = ("--cert=crt", "--key=key")
    done = lro("list", PARENT, *ours)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(f"  {name}\n")
    assert "state     running\n" in lro("get", name, *ours).stdout
    assert lro("wait", name, "--timeout=0", *ours).returncode == 124
    assert lro("cancel", name, *ours).returncode == 0
    refused = lro("list", PARENT)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)


def connected(
    port: int, oldest: ssl.TLSVersion, newest: ssl.TLSVersion, alpn: str
) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # a client that would take TLS 1.1
    context.set_alpn_protocols([alpn])
    context.minimum_version, context.maximum_version = oldest, newest
    raw = socket.create_connection(("localhost", port), timeout=20)
    return context.wrap_socket(raw, server_hostname="localhost")


def test_tls_1_2_is_the_oldest_and_each_port_says_what_it_speaks(
    serve: Callable[..., Served],
) -> None:
    served = serve()
    for port, protocol in ((served.grpc, "h2"), (served.http, "http/1.1")):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with connected(port, version, version, protocol) as connection:
                assert connection.selected_alpn_protocol() == protocol
        with pytest.warns(DeprecationWarning, match="TLSv1_1"), pytest.raises(ssl.SSLEOFError):
            connected(port, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1, protocol)


def test_plain_text_fails_at_the_client_and_is_one_line_of_log_at_most(
    serve: Callable[..., Served],
) -> None:
    served = serve()
    with served.channel(AUTHORITY, None) as channel:
        listed(channel)
    before = served.log.count("\n")
    with requests.Session() as session, pytest.raises(requests.exceptions.ConnectionError):
        session.get(f"http://localhost:{served.http}/v1/operations")
    with served.session(AUTHORITY, None) as session:  # whatever was to be said has been said
        assert session.get(served.url("operations")).status_code == 200
    assert served.log.count("\n") == before
    with socket.create_connection(("localhost", served.grpc), timeout=20) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        while plain.recv(1000):
            pass
    with served.channel(AUTHORITY, None) as channel:
        listed(channel)
    assert served.log.count("\n") <= before + 1, served.log
    # It depends on what of the client's has been read by then.
    told = refusal(grpc.insecure_channel(f"localhost:{served.grpc}"))
    assert re.search("Socket closed|Connection reset", told), told
    assert "Traceback" not in served.log


def test_a_new_certificate_is_taken_up_while_calls_wait_and_connections_stay(
    serve: Callable[..., Served], mount: Mount, tmp_path: Path
) -> None:
    served = serve("--tls-client-ca", str(mount.folder / "ca"))
    ours, later, later_clients = CLIENTS.issue(), Authority(), Authority()
    answers: list[bool] = []
    with served.channel(AUTHORITY, ours) as channel, served.session(AUTHORITY, ours) as session:
        name = start_scan(channel)
        stub = operations_pb2_grpc.OperationsStub(channel)
        waited = stub.WaitOperation.future(
            operations_pb2.WaitOperationRequest(name=name), timeout=60
        )
        other = served.session(AUTHORITY, ours)
        # Connected before the certificate changes, however late its thread begins.
        assert other.get(served.url(name)).status_code == 200
        parked = threading.Thread(
            target=lambda: answers.append(other.post(served.url(f"{name}:wait"), json={}).ok)
        )
        parked.start()
        assert session.get(served.url(name)).status_code == 200
        mount.issue(later, later_clients)
        until(lambda: "took up the certificate in" in served.log, "took it up")
        # What is open stays open: a new connection would not come in.
        listed(channel)
        assert session.get(served.url(name)).status_code == 200
        # New connections get the new certificate, and need one of the new authorities.
        refusal(served.channel(AUTHORITY, ours))
        refusal(served.channel(later, ours))
        theirs = later_clients.issue()
        with served.channel(later, theirs) as channel_later:
            listed(channel_later)
        for trusted, shown in ((AUTHORITY, ours), (later, ours)):
            refused = served.session(trusted, shown)
            with refused, pytest.raises(requests.exceptions.ConnectionError):
                refused.get(served.url(name))
        with served.session(later, theirs) as session_later:
            assert session_later.get(served.url(name)).status_code == 200
        assert not waited.done()
        assert parked.is_alive()
        (tmp_path / "go").touch()
        assert waited.result().done
        parked.join(timeout=20)
        assert answers == [True]
        other.close()
    assert served.log.count("took up the certificate in") == 1


@pytest.mark.parametrize("spoilt", ["key", "crt"])
async def test_a_pair_that_does_not_fit_is_told_once_and_the_old_one_kept(
    mount: Mount, spoilt: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls_module, "_LOOK_SECONDS", 0.01)
    tls = TLS(mount.files())
    looks = 0
    look = tls._changed

    def counted() -> object:
        nonlocal looks
        looks += 1
        return look()

    monkeypatch.setattr(tls, "_changed", counted)
    first = tls.current
    chain, key = first.content.chain, first.content.key
    good = AUTHORITY.issue()
    half = {"crt": chain, "key": good[1]} if spoilt == "key" else {"crt": good[0][:300], "key": key}
    async with tls.following():
        with caplog.at_level(logging.INFO):
            mount.put(**half)
            while looks < 10:
                await asyncio.sleep(0.01)
            assert tls.current is first
            mount.put(crt=good[0], key=good[1])
            while tls.current is first:
                await asyncio.sleep(0.01)
    assert tls.current.content.chain == good[0]
    told, taken = [record.getMessage() for record in caplog.records]
    at = {"crt": mount.folder / "crt", "key": mount.folder / "key"}
    assert (
        told
        == {
            "key": f"--tls-key {at['key']} is not the private key of the certificate in "
            f"--tls-cert {at['crt']}; the certificate before it stays in use",
            "crt": f"--tls-cert {at['crt']} holds a damaged certificate: expected PEM; "
            "the certificate before it stays in use",
        }[spoilt]
    )
    assert taken.startswith(f"took up the certificate in {at['crt']}, valid until ")


async def test_a_certificate_that_expires_is_told_once(
    mount: Mount, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tls_module, "_LOOK_SECONDS", 0.01)
    tls = TLS(mount.files())
    monkeypatch.setattr(tls_module.time, "time", lambda: tls.current.expires + 1)
    looks = 0
    content = CertificateFiles.content

    def counted(files: CertificateFiles) -> object:
        nonlocal looks
        looks += 1
        return content(files)

    monkeypatch.setattr(CertificateFiles, "content", counted)
    async with tls.following():
        while looks < 5:
            await asyncio.sleep(0.01)
    told = f"the certificate in {mount.folder / 'crt'} has expired: replace it"
    assert [record.getMessage() for record in caplog.records] == [told]


async def test_servicers_are_told_whose_certificate_it_is_over_grpc_and_rest(
    mount: Mount, tmp_path: Path
) -> None:
    ours = CLIENTS.issue(name="lister")
    paths = [tmp_path / "ours.crt", tmp_path / "ours.key"]
    for path, text in zip(paths, ours, strict=True):
        path.write_bytes(text)
    context = ssl.create_default_context(cadata=AUTHORITY.certificate.decode())
    context.load_cert_chain(*paths)
    credentials = grpc.ssl_channel_credentials(AUTHORITY.certificate, ours[1], ours[0])
    async with opened(tls=TLS(mount.files(mutual=True))) as (address, scanner):
        async with grpc.aio.secure_channel(address.grpc, credentials) as channel:
            stub = scanner_pb2_grpc.ScannerStub(channel)
            await stub.Scan(scanner_pb2.ScanRequest(parent=PARENT), timeout=20)
        async with httpx.AsyncClient(verify=context, timeout=30) as client:
            reply = await client.post(f"https://{address.http}/v1/{PARENT}/scans", json={})
            assert reply.status_code == 200, reply.text
    over_grpc, over_rest = scanner.callers
    for key in ("transport_security_type", "x509_common_name", "x509_pem_cert"):
        assert list(over_grpc[key]) == list(over_rest[key])
    assert list(over_rest["x509_common_name"]) == [b"lister"]


def test_a_key_that_grpc_does_not_take_is_told_at_the_start(mount: Mount) -> None:
    chain, key = AUTHORITY.issue(key=ed448.Ed448PrivateKey.generate())
    mount.put(crt=chain, key=key)

    async def bind() -> None:
        from longrunning import App, MemoryStore, Operations
        from longrunning.serving.grpc_server import GrpcServer

        GrpcServer(App(Operations(MemoryStore()))).bind(Address("127.0.0.1", 0), TLS(mount.files()))

    with pytest.raises(StartupError) as refused:
        asyncio.run(bind())
    assert str(refused.value) == (
        f"gRPC cannot listen on --grpc 127.0.0.1:0 with --tls-cert {mount.folder / 'crt'}: "
        "it takes RSA keys, and those of the curves P-256, P-384 and P-521"
    )


def test_a_fault_at_the_start_is_one_line_and_exit_code_2(mount: Mount, tmp_path: Path) -> None:
    (tmp_path / "secured.py").write_text(APP)
    at = mount.folder
    done = subprocess.run(
        [LRO, "serve", "secured:app", "--tls-cert", at / "crt", "--tls-key", at / "nothing"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    line = f"lro: --tls-key {at / 'nothing'} cannot be read: no such file or directory\n"
    assert done.stderr == line
