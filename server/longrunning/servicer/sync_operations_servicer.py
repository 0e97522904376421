"""`google.longrunning.Operations` on a sync server, whose every call holds a thread.

Spec: google/longrunning/operations.proto
"""

import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, Protocol

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2

from longrunning.auth.caller import Caller, caller_of
from longrunning.errors import OperationsError, Unavailable
from longrunning.servicer.replies import Answer, Answers, Replies, Reply, Request
from longrunning.statuses import abort_sync

_STOPPING = Unavailable("The server is stopping.", reason="SERVER_STOPPING")


class Submit(Protocol):
    """Has a coroutine run on the event loop of the operations, for a thread that waits for it."""

    def __call__(self, coroutine: Coroutine[Any, Any, Answer]) -> Future[Answer]:
        """Returns what the coroutine will return."""


class SyncOperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped base
    """Answers RPCs from an `Operations` on another thread's event loop.

    A wait holds its thread, and parked waiters must not keep a Get from being answered: they hold
    at most half of the threads. A Wait beyond that answers at once with the latest state, which
    its specification allows.

    Args:
        operations: what answers.
        submit: reaches the event loop that it is open on.
        domain: the `ErrorInfo.domain` of its errors.
        threads: how many threads the server has.

    Raises:
        ValueError: there are no threads.
    """

    def __init__(
        self,
        operations: Answers,
        submit: Submit,
        *,
        domain: str = "longrunning",
        threads: int = 10,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads is {threads}: expected as many as the server has, 1 or more")
        self._replies = Replies(operations)
        self._submit = submit
        self._domain = domain
        self._room = threading.BoundedSemaphore(threads // 2)

    def GetOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.GetOperationRequest, context: grpc.ServicerContext
    ) -> operations_pb2.Operation:
        """Returns the latest state of an operation."""
        return self._reply(self._replies.get, request, context)

    def ListOperations(  # noqa: N802 - named by the proto
        self, request: operations_pb2.ListOperationsRequest, context: grpc.ServicerContext
    ) -> operations_pb2.ListOperationsResponse:
        """Returns a page of the operations of a parent."""
        return self._reply(self._replies.list, request, context)

    def DeleteOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.DeleteOperationRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Forgets an operation."""
        return self._reply(self._replies.delete, request, context)

    def CancelOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.CancelOperationRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Asks for an operation to be cancelled."""
        return self._reply(self._replies.cancel, request, context)

    def WaitOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.WaitOperationRequest, context: grpc.ServicerContext
    ) -> operations_pb2.Operation:
        """Returns an operation when it is done, or its latest state when the time is over."""
        if not self._room.acquire(blocking=False):
            return self._reply(self._replies.wait, request, context, at_once=True)
        try:
            return self._reply(self._replies.wait, request, context)
        finally:
            self._room.release()

    def _reply(
        self,
        reply: Reply[Request, Answer],
        request: Request,
        context: grpc.ServicerContext,
        *,
        at_once: bool = False,
    ) -> Answer:
        remaining = 0.0 if at_once else context.time_remaining()
        future = self._submit(_awaiting(reply, request, remaining, caller_of(context)))
        # Whoever goes away frees the thread that waits for him.
        if not context.add_callback(lambda: _cancel(future)):
            future.cancel()
        try:
            return future.result()
        except OperationsError as error:
            abort_sync(context, error, self._domain)
        except CancelledError:
            if context.is_active():
                abort_sync(context, _STOPPING, self._domain)
            context.abort(grpc.StatusCode.CANCELLED, "The caller has gone away.")
            raise


async def _awaiting(
    reply: Reply[Request, Answer], request: Request, remaining: float | None, caller: Caller | None
) -> Answer:
    return await reply(request, remaining, caller)


def _cancel(future: Future[Any]) -> None:
    future.cancel()
