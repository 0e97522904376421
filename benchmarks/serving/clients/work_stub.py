"""Clients of the measured app: `google.longrunning.Operations`, and `bench.Work`."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2, wrappers_pb2

from benchmarks.serving.served_app import SERVICE


class WorkStub:
    """Calls the measured app over one channel.

    Args:
        channel: to the server.
        headers: of every call, such as credentials.
    """

    def __init__(self, channel: grpc.aio.Channel, headers: dict[str, str]) -> None:
        self._channel = channel
        self._metadata = tuple(headers.items())
        self._operations = operations_pb2_grpc.OperationsStub(channel)
        self._create = self._method("Create", operations_pb2.Operation)
        self._run = self._method("Run", operations_pb2.Operation)
        self._report = self._method("Report", empty_pb2.Empty)
        self._finish = self._method("Finish", empty_pb2.Empty)

    def _method(self, name: str, reply: Any) -> Callable[..., Awaitable[Any]]:  # noqa: ANN401
        return self._channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda request: request.SerializeToString(),
            response_deserializer=reply.FromString,
        )

    async def create(self) -> str:
        """Creates an operation whose work runs elsewhere, and returns its name."""
        return (await self._create(empty_pb2.Empty(), metadata=self._metadata, timeout=60)).name

    async def run(self) -> str:
        """Starts work that is empty, and returns the name of its operation."""
        return (await self._run(empty_pb2.Empty(), metadata=self._metadata, timeout=60)).name

    async def report(self, name: str) -> None:
        """Reports progress."""
        request = wrappers_pb2.StringValue(value=name)
        await self._report(request, metadata=self._metadata, timeout=60)

    async def finish(self, name: str) -> None:
        """Ends an operation."""
        request = wrappers_pb2.StringValue(value=name)
        await self._finish(request, metadata=self._metadata, timeout=60)

    async def get(self, name: str) -> operations_pb2.Operation:
        """Returns an operation."""
        request = operations_pb2.GetOperationRequest(name=name)
        return await self._operations.GetOperation(request, metadata=self._metadata, timeout=60)

    async def wait(self, name: str, seconds: float) -> operations_pb2.Operation:
        """Returns an operation once it is done, or when the time is over."""
        request = operations_pb2.WaitOperationRequest(name=name)
        return await self._operations.WaitOperation(
            request, metadata=self._metadata, timeout=seconds
        )
