"""What each RPC of `google.longrunning.Operations` is answered with, whatever the server's colour.

Spec: google/longrunning/operations.proto
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from longrunning.auth.caller import Caller

_DEADLINE_MARGIN = 0.1  # the part of the remaining time that is left for the answer to arrive
_SMALLEST_MARGIN, _LARGEST_MARGIN = 0.02, 0.5  # seconds

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Reply = Callable[[Request, float | None, Caller | None], Awaitable[Answer]]
"""Answers a request, given the seconds that its caller waits (None for ever), and who that is."""


class Answers(Protocol):
    """What is asked: `Operations`, or a view of it."""

    async def get(self, name: str, *, caller: Caller | None) -> operations_pb2.Operation:
        """Returns an operation."""

    async def list(
        self,
        name: str = "",
        *,
        filter: str = "",  # noqa: A002 - the name of the field
        page_size: int = 0,
        page_token: str = "",
        return_partial_success: bool = False,
        caller: Caller | None,
    ) -> operations_pb2.ListOperationsResponse:
        """Returns a page of operations."""

    async def delete(self, name: str, *, caller: Caller | None) -> None:
        """Forgets an operation."""

    async def cancel(self, name: str, *, caller: Caller | None) -> None:
        """Asks for an operation to be cancelled."""

    async def wait(
        self, name: str, timeout: float | None = None, *, caller: Caller | None
    ) -> operations_pb2.Operation:
        """Returns an operation when it is done, or when the time is over."""


class Replies:
    """Answers the five requests; each method raises `OperationsError` to refuse one.

    Args:
        operations: what is asked.
    """

    def __init__(self, operations: Answers) -> None:
        self._operations = operations

    def get(
        self,
        request: operations_pb2.GetOperationRequest,
        remaining: float | None,  # noqa: ARG002 - it takes no time
        caller: Caller | None,
    ) -> Awaitable[operations_pb2.Operation]:
        """Returns the latest state of an operation."""
        return self._operations.get(request.name, caller=caller)

    def list(
        self,
        request: operations_pb2.ListOperationsRequest,
        remaining: float | None,  # noqa: ARG002 - it takes no time
        caller: Caller | None,
    ) -> Awaitable[operations_pb2.ListOperationsResponse]:
        """Returns a page of the operations of a parent."""
        return self._operations.list(
            request.name,
            filter=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
            return_partial_success=_return_partial_success(request),
            caller=caller,
        )

    async def delete(
        self,
        request: operations_pb2.DeleteOperationRequest,
        remaining: float | None,  # noqa: ARG002 - it takes no time
        caller: Caller | None,
    ) -> empty_pb2.Empty:
        """Forgets an operation."""
        await self._operations.delete(request.name, caller=caller)
        return empty_pb2.Empty()

    async def cancel(
        self,
        request: operations_pb2.CancelOperationRequest,
        remaining: float | None,  # noqa: ARG002 - it takes no time
        caller: Caller | None,
    ) -> empty_pb2.Empty:
        """Asks for an operation to be cancelled."""
        await self._operations.cancel(request.name, caller=caller)
        return empty_pb2.Empty()

    def wait(
        self,
        request: operations_pb2.WaitOperationRequest,
        remaining: float | None,
        caller: Caller | None,
    ) -> Awaitable[operations_pb2.Operation]:
        """Returns an operation when it is done, or its latest state when the time is over."""
        timeout = None
        if request.HasField("timeout"):
            timeout = request.timeout.seconds + request.timeout.nanos / 1e9
        if remaining is not None:
            margin = max(remaining * _DEADLINE_MARGIN, _SMALLEST_MARGIN)
            remaining -= min(margin, _LARGEST_MARGIN)
            timeout = max(remaining, 0.0) if timeout is None else min(timeout, max(remaining, 0.0))
        return self._operations.wait(request.name, timeout, caller=caller)


def _return_partial_success(request: operations_pb2.ListOperationsRequest) -> bool:
    # The field is younger than the oldest googleapis-common-protos that we allow.
    return bool(getattr(request, "return_partial_success", False))
