"""The one place where an exception of a servicer becomes a status.

Spec: AIP-193
"""

import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc.aio

from longrunning.errors import Internal, OperationsError
from longrunning.statuses import abort

_log = logging.getLogger(__name__)

_Context = grpc.aio.ServicerContext[Any, Any]


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Lets servicers raise `OperationsError`s, and hides every other exception.

    An `OperationsError` ends the call with its code, message and details; anything else with
    INTERNAL, a neutral message and a correlation id that is in the log beside the traceback. gRPC
    itself would show the exception's text. Async servicers only; put it first.

    Args:
        domain: the `ErrorInfo.domain` of the errors.
    """

    def __init__(self, domain: str = "longrunning") -> None:
        self._domain = domain

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler with its exceptions caught."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour, make = _parts_of(handler)
        if inspect.iscoroutinefunction(behaviour):
            guarded: Callable[..., Any] = self._guarded_call(behaviour)
        elif inspect.isasyncgenfunction(behaviour):
            guarded = self._guarded_stream(behaviour)
        else:
            return handler
        return make(guarded, handler.request_deserializer, handler.response_serializer)

    def _guarded_call(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            try:
                return await behaviour(request, context)
            except Exception as error:
                await self._end(context, error)

        return call

    def _guarded_stream(self, behaviour: Callable[..., Any]) -> Callable[..., Any]:
        async def stream(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
            try:
                async for message in behaviour(request, context):
                    yield message
            except Exception as error:
                await self._end(context, error)

        return stream

    async def _end(self, context: _Context, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        if isinstance(error, OperationsError):
            await abort(context, error, self._domain)
        correlation = secrets.token_hex(8)
        _log.error("a servicer failed [%s]", correlation, exc_info=error)
        hidden = Internal(
            "Internal error.", reason="SERVICER_FAILED", metadata={"correlation_id": correlation}
        )
        await abort(context, hidden, self._domain)


def _parts_of(handler: Any) -> tuple[Any, Any]:  # noqa: ANN401 - grpc's handlers have no type
    """Returns a handler's function, and what makes a handler of its kind."""
    if handler.request_streaming:
        if handler.response_streaming:
            return handler.stream_stream, grpc.stream_stream_rpc_method_handler
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler
