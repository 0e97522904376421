"""`google.longrunning.Operations` on an aio server.

Spec: google/longrunning/operations.proto
"""

from typing import Any, Protocol

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import empty_pb2

from longrunning.auth.caller import caller_of
from longrunning.errors import OperationsError
from longrunning.servicer.replies import Answer, Answers, Replies, Reply, Request
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class Target(Protocol):
    """What servicers are added to: a gRPC server, or a `grpc_transcoding.Transcoder`."""

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Any) -> None:  # noqa: ANN401 - grpc's own
        """Takes the methods of a service."""


class OperationsServicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped base
    """Answers RPCs from an `Operations`, and turns its errors into statuses.

    Args:
        operations: what answers.
        domain: the `ErrorInfo.domain` of its errors.
    """

    def __init__(self, operations: Answers, *, domain: str = "longrunning") -> None:
        self._replies = Replies(operations)
        self._domain = domain

    async def GetOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.GetOperationRequest, context: _Context
    ) -> operations_pb2.Operation:
        """Returns the latest state of an operation."""
        return await self._reply(self._replies.get, request, context)

    async def ListOperations(  # noqa: N802 - named by the proto
        self, request: operations_pb2.ListOperationsRequest, context: _Context
    ) -> operations_pb2.ListOperationsResponse:
        """Returns a page of the operations of a parent."""
        return await self._reply(self._replies.list, request, context)

    async def DeleteOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.DeleteOperationRequest, context: _Context
    ) -> empty_pb2.Empty:
        """Forgets an operation."""
        return await self._reply(self._replies.delete, request, context)

    async def CancelOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.CancelOperationRequest, context: _Context
    ) -> empty_pb2.Empty:
        """Asks for an operation to be cancelled."""
        return await self._reply(self._replies.cancel, request, context)

    async def WaitOperation(  # noqa: N802 - named by the proto
        self, request: operations_pb2.WaitOperationRequest, context: _Context
    ) -> operations_pb2.Operation:
        """Returns an operation when it is done, or its latest state when the time is over."""
        return await self._reply(self._replies.wait, request, context)

    async def _reply(
        self, reply: Reply[Request, Answer], request: Request, context: _Context
    ) -> Answer:
        try:
            return await reply(request, context.time_remaining(), caller_of(context))
        except OperationsError as error:
            await abort(context, error, self._domain)
