"""A gRPC request that is no message of its type is refused like any other wrong request."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
from google.protobuf.message import DecodeError

from longrunning.errors import InvalidArgument
from longrunning.servicer.guarded_handlers import GuardedHandlers
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class RequestGuard(grpc.aio.ServerInterceptor):
    """Answers INVALID_ARGUMENT where gRPC would answer UNKNOWN with the parser's own words.

    Only a server needs it, whose requests are bytes, and only for async methods with one request.

    Args:
        domain: the `ErrorInfo.domain` of the refusal.
    """

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._handlers = GuardedHandlers(self._guarded)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler with its parser guarded."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None
        return self._handlers.of(handler_call_details.method, handler)

    def _guarded(self, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        if handler.request_streaming or handler.request_deserializer is None:
            return handler
        parse = handler.request_deserializer

        def guarded(raw: bytes) -> Any:  # noqa: ANN401 - the message, or why there is none
            try:
                return parse(raw)
            except DecodeError as error:
                return error

        behaviour = handler.unary_stream or handler.unary_unary

        async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            if isinstance(request, DecodeError):
                await self._refuse(context)
            return await behaviour(request, context)

        async def stream(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            if isinstance(request, DecodeError):
                await self._refuse(context)
            async for message in behaviour(request, context):
                yield message

        # A method with a stream of replies may be a coroutine too, which writes them one by one.
        if inspect.isasyncgenfunction(behaviour):
            guard: Callable[..., Any] = stream
        elif inspect.iscoroutinefunction(behaviour):
            guard = call
        else:
            return handler
        make = (
            grpc.unary_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.unary_unary_rpc_method_handler
        )
        return make(guard, guarded, handler.response_serializer)

    async def _refuse(self, context: _Context) -> None:
        refusal = InvalidArgument(
            "The request cannot be parsed as a message of its type.",
            field="",
            reason="MALFORMED_REQUEST",
        )
        await abort(context, refusal, self._domain)
