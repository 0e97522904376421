"""A server as users start it, and the clients that they have."""

import itertools
import time
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import grpc
import pytest

with warnings.catch_warnings():
    # About the age of this Python, or of the oldest grpcio that we allow; once, at the import.
    warnings.simplefilter("ignore", FutureWarning)
    from google.api_core import operations_v1

from google.auth.credentials import AnonymousCredentials
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import ScanMetadata, ScanRequest
from examples.scanner.server_process import ServerProcess

PATIENCE = 30.0

_numbers = itertools.count(1)


class Client(Protocol):
    """What the client of api_core offers, over gRPC and over REST."""

    def get_operation(self, name: str) -> operations_pb2.Operation: ...
    def list_operations(self, name: str, filter_: str) -> Iterator[operations_pb2.Operation]: ...
    def cancel_operation(self, name: str) -> None: ...
    def delete_operation(self, name: str) -> None: ...


class Work:
    """Starts work of the served app, and waits for it."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._scanner = scanner_pb2_grpc.ScannerStub(channel)
        self._operations = operations_pb2_grpc.OperationsStub(channel)

    def start(self, kind: str, parent: str = "", request_id: str = "") -> operations_pb2.Operation:
        request = ScanRequest(directory=kind, parent=parent, request_id=request_id)
        return self._scanner.Scan(request, timeout=PATIENCE)

    def wait(self, name: str) -> operations_pb2.Operation:
        """Returns the operation once it is done."""
        request = operations_pb2.WaitOperationRequest(
            name=name, timeout=duration_pb2.Duration(seconds=int(PATIENCE))
        )
        operation = self._operations.WaitOperation(request, timeout=2 * PATIENCE)
        assert operation.done, f"{name} is not done after {PATIENCE} seconds"
        return operation

    def finish(self, kind: str, parent: str = "") -> operations_pb2.Operation:
        return self.wait(self.start(kind, parent).name)

    def run(self, kind: str, parent: str = "") -> operations_pb2.Operation:
        """Starts work that has no end of its own, and returns once it has reported."""
        name, deadline = self.start(kind, parent).name, time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            request = operations_pb2.GetOperationRequest(name=name)
            operation = self._operations.GetOperation(request, timeout=PATIENCE)
            if operation.metadata.Is(ScanMetadata.DESCRIPTOR):
                return operation
            time.sleep(0.01)
        raise AssertionError(f"{name} did not report within {PATIENCE} seconds")


def rest_client(
    server: ServerProcess, http_options: Mapping[str, object] | None = None
) -> operations_v1.AbstractOperationsClient:
    """Returns api_core's client of REST, with its default paths or those of a generated client."""
    transport = operations_v1.OperationsRestTransport(
        host=server.http,
        credentials=AnonymousCredentials(),
        url_scheme="http",
        path_prefix="v1",
        http_options=http_options,
    )
    return operations_v1.AbstractOperationsClient(transport=transport)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server for all tests, which share its operations: each takes a parent of its own."""
    directory = tmp_path_factory.mktemp("server")
    with served(directory) as server:
        server.start()
        yield server
        assert server.stop() == 0, server.log()


def served(directory: Path, **environment: str) -> ServerProcess:
    return ServerProcess(
        "tests.clients.served_app:app",
        store=f"sqlite:///{directory / 'operations.db'}",
        log=directory / "server.log",
        environment=environment,
        options=("--drain", "0.2"),
    )


@pytest.fixture(scope="session")
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture
async def aio_channel(server: ServerProcess) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture(scope="session")
def work(channel: grpc.Channel) -> Work:
    return Work(channel)


@pytest.fixture(scope="session")
def stub(channel: grpc.Channel) -> operations_pb2_grpc.OperationsStub:
    return operations_pb2_grpc.OperationsStub(channel)


@pytest.fixture(params=["gRPC", "REST"])
def client(request: pytest.FixtureRequest, server: ServerProcess, channel: grpc.Channel) -> Client:
    """google.api_core's client, of either protocol."""
    if request.param == "gRPC":
        return operations_v1.OperationsClient(channel)
    return rest_client(server)


@pytest.fixture
def parent() -> str:
    """A parent that no other test uses."""
    return f"projects/p{next(_numbers)}/locations/here"


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts a server of the test's own; started again, it finds the same operations."""
    servers: list[ServerProcess] = []

    def start(**environment: str) -> ServerProcess:
        server = served(tmp_path, **environment)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        with server:
            pass
