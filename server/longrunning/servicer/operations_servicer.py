"""`google.longrunning.Operations`, all five methods.

Spec: google/longrunning/operations.proto
"""

from typing import Any, Protocol

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2

from longrunning.errors import OperationsError
from longrunning.statuses import abort

_DEADLINE_MARGIN = 0.1  # the part of the remaining time that is left for the answer to arrive
_SMALLEST_MARGIN, _LARGEST_MARGIN = 0.02, 0.5  # seconds

_Context = grpc.aio.ServicerContext[Any, Any]


class Target(Protocol):
    """What servicers are added to: a `grpc.aio.Server`, or a `grpc_transcoding.Transcoder`."""

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:  # noqa: ANN401 - grpc's own
        """Takes the methods of a service."""


class Answers(Protocol):
    """What the servicer asks: `Operations`, or a view of it."""

    async def get(self, name: str) -> operations_pb2.Operation:
        """Returns an operation."""

    async def list(
        self,
        name: str = "",
        *,
        filter: str = "",  # noqa: A002 - the name of the field
        page_size: int = 0,
        page_token: str = "",
        return_partial_success: bool = False,
    ) -> operations_pb2.ListOperationsResponse:
        """Returns a page of operations."""

    async def delete(self, name: str) -> None:
        """Forgets an operation."""

    async def cancel(self, name: str) -> None:
        """Asks for an operation to be cancelled."""

    async def wait(self, name: str, timeout: float | None = None) -> operations_pb2.Operation:
        """Returns an operation when it is done, or when the time is over."""


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped base
    """Answers RPCs from an `Operations`, and turns its errors into statuses.

    Args:
        operations: what answers.
        domain: the `ErrorInfo.domain` of its errors.
    """

    def __init__(self, operations: Answers, *, domain: str = "longrunning") -> None:
        self._operations = operations
        self._domain = domain

    async def GetOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.GetOperationRequest, context: _Context
    ) -> operations_pb2.Operation:
        """Returns the latest state of an operation."""
        try:
            return await self._operations.get(request.name)
        except OperationsError as error:
            await abort(context, error, self._domain)

    async def ListOperations(  # noqa: N802 - named by the proto
        self, request: operations_pb2.ListOperationsRequest, context: _Context
    ) -> operations_pb2.ListOperationsResponse:
        """Returns a page of the operations of a parent."""
        try:
            return await self._operations.list(
                request.name,
                filter=request.filter,
                page_size=request.page_size,
                page_token=request.page_token,
                return_partial_success=_return_partial_success(request),
            )
        except OperationsError as error:
            await abort(context, error, self._domain)

    async def DeleteOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.DeleteOperationRequest, context: _Context
    ) -> empty_pb2.Empty:
        """Forgets an operation."""
        try:
            await self._operations.delete(request.name)
        except OperationsError as error:
            await abort(context, error, self._domain)
        return empty_pb2.Empty()

    async def CancelOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.CancelOperationRequest, context: _Context
    ) -> empty_pb2.Empty:
        """Asks for an operation to be cancelled."""
        try:
            await self._operations.cancel(request.name)
        except OperationsError as error:
            await abort(context, error, self._domain)
        return empty_pb2.Empty()

    async def WaitOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.WaitOperationRequest, context: _Context
    ) -> operations_pb2.Operation:
        """Returns an operation when it is done, or its latest state when the time is over."""
        timeout = None
        if request.HasField("timeout"):
            timeout = request.timeout.seconds + request.timeout.nanos / 1e9
        remaining = context.time_remaining()
        if remaining is not None:
            margin = max(remaining * _DEADLINE_MARGIN, _SMALLEST_MARGIN)
            remaining -= min(margin, _LARGEST_MARGIN)
            timeout = max(remaining, 0.0) if timeout is None else min(timeout, max(remaining, 0.0))
        try:
            return await self._operations.wait(request.name, timeout)
        except OperationsError as error:
            await abort(context, error, self._domain)


def _return_partial_success(request: operations_pb2.ListOperationsRequest) -> bool:
    # The field is younger than the oldest googleapis-common-protos that we allow.
    return bool(getattr(request, "return_partial_success", False))
