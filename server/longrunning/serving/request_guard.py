"""A gRPC request that is no message of its type is refused like any other wrong request."""

import inspect
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from longrunning.errors import InvalidArgument
from longrunning.interception import (
    Behaviour,
    HandlerInterceptor,
    behaviour_of,
    is_left_out,
    with_behaviour,
)
from longrunning.statuses import abort, abort_sync

_Context = grpc.aio.ServicerContext[Any, Any]


class RequestGuard(HandlerInterceptor):
    """Answers INVALID_ARGUMENT where gRPC would answer UNKNOWN with the parser's own words.

    Only a server needs it, whose requests are bytes, and only for methods with one request.

    Args:
        domain: the `ErrorInfo.domain` of the refusal.
    """

    def __init__(self, domain: str) -> None:
        super().__init__()
        self._domain = domain

    def intercept_handler(self, method: str, handler: Any) -> Any:  # noqa: ANN401, ARG002 - grpc's handlers have no type
        """Returns the handler with its parser guarded."""
        if handler.request_streaming or handler.request_deserializer is None:
            return handler
        parse = handler.request_deserializer

        def guarded(raw: bytes) -> Any:  # noqa: ANN401 - the message, or why there is none
            try:
                return parse(raw)
            except DecodeError as error:
                return error

        behaviour = behaviour_of(handler)
        if is_left_out(behaviour):  # which looks at no request
            return with_behaviour(handler, behaviour, bytes)

        async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            if isinstance(request, DecodeError):
                await self._refuse(context)
            return await behaviour(request, context)

        async def stream(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            if isinstance(request, DecodeError):
                await self._refuse(context)
            async for message in behaviour(request, context):
                yield message

        def sync_call(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            if isinstance(request, DecodeError):
                abort_sync(context, _refusal(), self._domain)
            return behaviour(request, context)

        # A method with a stream of replies may be a coroutine too, which writes them one by one.
        if inspect.isasyncgenfunction(behaviour):
            guard: Behaviour = stream
        elif inspect.iscoroutinefunction(behaviour):
            guard = call
        else:
            guard = sync_call  # of a stream, too: it is read behind it
        return with_behaviour(handler, guard, guarded)

    async def _refuse(self, context: _Context) -> None:
        await abort(context, _refusal(), self._domain)


def _refusal() -> InvalidArgument:
    return InvalidArgument(
        "The request cannot be parsed as a message of its type.",
        field="",
        reason="MALFORMED_REQUEST",
    )
