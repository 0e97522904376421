"""The steps of the demo, as a person would want to read them."""

import hashlib
import json
import os
import sysconfig
import time
from pathlib import Path

import grpc
import requests
from google.api_core import operations_v1
from google.api_core.exceptions import GoogleAPICallError
from google.api_core.operations_v1.transports.rest import OperationsRestTransport
from google.auth.credentials import AnonymousCredentials
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2
from google.rpc import code_pb2
from rich.console import Console

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from examples.scanner.server_process import CHECKOUT, ServerProcess

PARENT = "projects/demo/locations/here"

_HUGE_BYTES = 64 * 1024**3  # a file with a hole and nothing else: minutes to read, no space on disk
_MAX_FILES = 20_000  # what a manifest of 3 MiB holds for certain
_PATIENCE = 60.0
_LOOK_SECONDS = 0.1


class StepError(Exception):
    """A step of the demo went wrong; the message ends with the server's log."""


class Walkthrough:
    """Starts a server, and does with it what clients do.

    Args:
        console: what it is told on.
        root: the directory that the server may scan.
        scratch: a directory below it, for the database and whatever else there is to leave behind.
    """

    def __init__(self, console: Console, root: Path, scratch: Path) -> None:
        self._console = console
        self._root = root
        self._scratch = scratch
        self._step = 0
        self._server = ServerProcess(
            "examples.scanner.app:app",
            store=f"sqlite:///{_shown(scratch / 'operations.db')}",
            log=scratch / "server.log",
            environment={"SCANNER_ROOT": str(root)},
        )

    def run(self) -> None:
        """Takes all steps.

        Raises:
            StepError: a step went wrong.
        """
        with self._server:
            try:
                self._take_steps()
            except Exception as error:
                raise StepError(f"step {self._step}: {_told(error)}{self._server.log()}") from error

    def _take_steps(self) -> None:
        self._say_step("Starting the server")
        self._start()
        directory = _packages()
        scan = self._scan("Starting a scan of the installed packages, through REST", directory)
        self._follow(scan)
        finished = self._wait(scan, directory)
        cancelled = self._cancel()
        self._list(finished, cancelled)
        self._kill([finished, cancelled])
        self._stop()

    def _start(self) -> None:
        self._say(f"$ {' '.join(self._server.command)}")
        self._say(self._server.start())
        rest = OperationsRestTransport(
            host=self._server.http,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            url_scheme="http",
            path_prefix="v1",
        )
        self._rest = operations_v1.AbstractOperationsClient(transport=rest)
        channel = grpc.insecure_channel(self._server.grpc)
        self._grpc = operations_v1.OperationsClient(channel)  # type: ignore[no-untyped-call]
        self._stub = operations_pb2_grpc.OperationsStub(channel)

    def _scan(self, title: str, directory: Path) -> str:
        """Starts a scan, and returns the name of its operation."""
        self._say_step(title)
        url = f"{self._server.http}/v1/{PARENT}/scans"
        body = {"directory": directory.resolve().relative_to(self._root).as_posix()}
        self._say(f"POST {url} {json.dumps(body)}")
        reply = requests.post(url, json=body, timeout=_PATIENCE)
        self._say(f"{reply.status_code} {reply.reason} {reply.text}")
        reply.raise_for_status()
        return str(reply.json()["name"])

    def _follow(self, name: str) -> None:
        self._say_step("Following it with google.api_core's clients: GetOperation")
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            for label, client in (("REST", self._rest), ("gRPC", self._grpc)):
                operation = client.get_operation(name)
                self._say(f"{label}  {_progress(operation)}")
            if operation.done or _metadata(operation).progress_percent >= 50:
                return
            time.sleep(_LOOK_SECONDS)
        raise RuntimeError(f"{name} is not half done after {_PATIENCE:.0f} seconds")

    def _wait(self, name: str, directory: Path) -> operations_pb2.Operation:
        self._say_step("Waiting for it: WaitOperation")
        operation = self._wait_operation(name)
        manifest = Manifest()
        if not operation.response.Unpack(manifest):
            raise RuntimeError(f"it ended without a manifest: {operation.error.message}")
        self._say(f"done: {len(manifest.files):,} files, {_size(manifest.bytes_total)}")
        largest = max(manifest.files, key=lambda file: file.size)
        with (directory / largest.path).open("rb") as file:
            ours = hashlib.file_digest(file, "sha256").hexdigest()
        if ours != largest.sha256:
            raise RuntimeError(f"the digest of {largest.path} is {largest.sha256}, not {ours}")
        self._say(
            f"the largest, {largest.path}, has the digest that hashlib gives it: {ours[:16]}..."
        )
        return operation

    def _cancel(self) -> operations_pb2.Operation:
        large = self._scratch / "large"
        large.mkdir()
        (large / "file").touch()
        os.truncate(large / "file", _HUGE_BYTES)
        name = self._scan(f"Cancelling a second scan, of one file of {_size(_HUGE_BYTES)}", large)
        deadline = time.monotonic() + _PATIENCE
        while _metadata(operation := self._rest.get_operation(name)).bytes_done == 0:
            if operation.done or time.monotonic() > deadline:
                raise RuntimeError(f"the second scan reads nothing: {_progress(operation)}")
            time.sleep(_LOOK_SECONDS)
        self._say(_progress(operation))
        self._say("CancelOperation")
        self._rest.cancel_operation(name)
        operation = self._wait_operation(name)
        if operation.error.code != code_pb2.CANCELLED:
            raise RuntimeError(f"it was not cancelled: {_progress(operation)}")
        self._say(f"done: error.code {operation.error.code} ({operation.error.message})")
        return operation

    def _list(
        self, finished: operations_pb2.Operation, cancelled: operations_pb2.Operation
    ) -> None:
        self._say_step("Listing with a filter: ListOperations")
        self._list_one("REST", self._rest, "error.code = 1", cancelled)
        self._list_one("gRPC", self._grpc, "done = true AND metadata.files_done > 100", finished)

    def _list_one(
        self,
        label: str,
        client: operations_v1.OperationsClient | operations_v1.AbstractOperationsClient,
        text: str,
        expected: operations_pb2.Operation,
    ) -> None:
        found = [operation.name for operation in client.list_operations(PARENT, text)]
        self._say(f"{label}  {text:<42}  {', '.join(name.rpartition('/')[2] for name in found)}")
        if found != [expected.name]:
            raise RuntimeError(f"the list should have {expected.name} alone, and has {found}")

    def _kill(self, operations: list[operations_pb2.Operation]) -> None:
        self._say_step("Killing the server hard (SIGKILL), and starting it again")
        pid = self._server.pid
        self._server.kill()
        self._say(f"process {pid} is gone")
        self._start()
        for before in operations:
            after = self._grpc.get_operation(before.name)  # type: ignore[no-untyped-call]
            if after != before:
                raise RuntimeError(f"{before.name} is not what it was")
            self._say(f"still there: {before.name.rpartition('/')[2]}  {_progress(before)}")

    def _stop(self) -> None:
        self._say_step("Stopping it (SIGTERM)")
        code = self._server.stop()
        if code != 0:
            raise RuntimeError(f"its exit code is {code}, not 0.{self._server.log()}")
        self._say("exit code 0")

    def _wait_operation(self, name: str) -> operations_pb2.Operation:
        timeout = duration_pb2.Duration(seconds=int(_PATIENCE))
        request = operations_pb2.WaitOperationRequest(name=name, timeout=timeout)
        operation: operations_pb2.Operation = self._stub.WaitOperation(request)
        if not operation.done:
            raise RuntimeError(f"{name} is not done after {_PATIENCE:.0f} seconds")
        return operation

    def _say_step(self, title: str) -> None:
        self._step += 1
        self._console.print(f"{self._step}. {title}", style="bold")

    def _say(self, line: str) -> None:
        self._console.print(f"   {line}")


def _shown(path: Path) -> Path:
    """Returns a path as the server takes it and a reader likes it: relative where it can be."""
    return path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path


def _packages() -> Path:
    """Returns the directory of the installed packages, or a part if a manifest cannot hold all."""
    packages = Path(sysconfig.get_path("purelib")).resolve()
    count = sum(len(files) for _, _, files in os.walk(packages))
    return packages if count <= _MAX_FILES else packages / "google"


def _metadata(operation: operations_pb2.Operation) -> ScanMetadata:
    metadata = ScanMetadata()
    operation.metadata.Unpack(metadata)
    return metadata


def _progress(operation: operations_pb2.Operation) -> str:
    metadata = _metadata(operation)
    total = _size(metadata.bytes_total)
    if operation.HasField("error"):
        state = code_pb2.Code.Name(operation.error.code).lower()
    else:
        state = "done" if operation.done else "running"
    if not operation.done and not metadata.bytes_done:
        return f"{state:<9}    0 %  counting: {metadata.files_total:,} files, {total} so far"
    done = f"{metadata.files_done:,} files, {_size(metadata.bytes_done)} of {total}"
    return f"{state:<9}  {metadata.progress_percent:3} %  {done}"


def _size(number: int) -> str:
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if number >= 1024**power:
            return f"{number / 1024**power:.0f} {unit}"
    return f"{number} bytes"


def _told(error: Exception) -> str:
    if isinstance(error, grpc.RpcError):
        return f"gRPC {error.code().name}: {error.details()}"
    if isinstance(error, requests.RequestException | GoogleAPICallError):
        return f"{type(error).__name__}: {error}"
    return str(error) or type(error).__name__
