"""One door, by plain stubs and plain HTTP: for what no client would send."""

import functools
import time
from collections.abc import Callable
from typing import Any

import grpc
import proto
import requests
from google.longrunning import operations_pb2, operations_pb2_grpc

from tests.clients.google_services.works import Work

PATIENCE = 30.0
SHARED = "shared"

_REQUESTS: dict[str, Any] = {
    "List": operations_pb2.ListOperationsRequest,
    "Get": operations_pb2.GetOperationRequest,
    "Delete": operations_pb2.DeleteOperationRequest,
    "Cancel": operations_pb2.CancelOperationRequest,
    "Wait": operations_pb2.WaitOperationRequest,
}


class Door:
    """What one service has behind its two ports.

    Args:
        work: of the service.
        channel: to its gRPC port.
        http: the URL of its HTTP port.
    """

    def __init__(self, work: Work, channel: grpc.Channel, http: str) -> None:
        self.work = work
        self.http = http
        self._channel = channel
        self._stub = operations_pb2_grpc.OperationsStub(channel)

    def start(self, kind: str, key: str, parent: str | None = None) -> str:
        """Starts work over gRPC; returns the name of its operation.

        Args:
            kind: "quick" or "long".
            key: of the test.
            parent: of the operation, where the request has a field for it.
        """
        request: proto.Message = getattr(self.work, kind)(key)
        if parent is not None:
            request.parent = parent
        return self.send(request).name

    def send(self, request: proto.Message) -> operations_pb2.Operation:
        """Calls the method that starts an operation."""
        call = self._channel.unary_unary(
            self.work.rpc, type(request).serialize, operations_pb2.Operation.FromString
        )
        return call(request, timeout=PATIENCE)

    @functools.cached_property
    def done(self) -> str:
        """The name of an operation that is done, for tests that leave it as it is.

        Its parent is that of the key `shared`.
        """
        name = self.start("quick", SHARED)
        self.wait(name)
        return name

    def call(self, method: str, name: str) -> Any:
        """Calls a method of `google.longrunning.Operations` over gRPC."""
        call = getattr(self._stub, f"{method}Operation{'s' if method == 'List' else ''}")
        return call(_REQUESTS[method](name=name), timeout=PATIENCE)

    def list(self, parent: str, filter_: str) -> list[str]:
        """Returns the names of the operations in a list."""
        request = operations_pb2.ListOperationsRequest(name=parent, filter=filter_)
        reply = self._stub.ListOperations(request, timeout=PATIENCE)
        return [operation.name for operation in reply.operations]

    def url(self, name: str) -> str:
        """Returns where REST has an operation."""
        return f"{self.http}{self.work.prefix}{name}"

    def get(self, name: str) -> dict[str, Any]:
        """Returns the JSON of an operation."""
        reply = requests.get(self.url(name), timeout=PATIENCE)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def wait(self, name: str) -> operations_pb2.Operation:
        """Returns an operation once it is done."""
        return self._until(name, lambda operation: operation.done)

    def proceed(self, name: str) -> operations_pb2.Operation:
        """Returns an operation once its work has come further than it is now."""
        seen = self.call("Get", name).metadata
        return self._until(name, lambda operation: operation.metadata != seen)

    def _until(
        self, name: str, is_true: Callable[[operations_pb2.Operation], bool]
    ) -> operations_pb2.Operation:
        deadline = time.monotonic() + PATIENCE
        while not is_true(operation := self.call("Get", name)):
            assert time.monotonic() < deadline, f"{name} takes too long"
            time.sleep(0.02)
        return operation
