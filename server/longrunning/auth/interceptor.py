"""Where calls are authenticated: one interceptor for gRPC and for REST."""

import contextlib
import contextvars
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc.aio

from longrunning.auth.authenticator import Authenticator
from longrunning.auth.caller import Caller, answering
from longrunning.auth.scopes import RequiredScopes, nowhere_said
from longrunning.errors import OperationsError
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]
_Behaviour = Callable[..., Any]


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without a good token, and tells servicers whose call it is (`caller_of`).

    It goes into a `grpc.aio.server` and a `grpc_transcoding.Transcoder` alike; servicers may be
    async or sync. Put it first, or behind an `ErrorInterceptor`.

    Args:
        authenticator: knows who calls.
        required_scopes: what each method needs, such as `longrunning.services.required_scopes`.
        domain: the `ErrorInfo.domain` of the refusals.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        required_scopes: RequiredScopes = nowhere_said,
        domain: str = "longrunning",
    ) -> None:
        self._authenticator = authenticator
        self._required_scopes = required_scopes
        self._domain = domain

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler as its caller may use it, or one that refuses him."""
        selector = handler_call_details.method.removeprefix("/").replace("/", ".")
        try:
            who: Caller | OperationsError = await self._authenticator.authenticate(
                selector,
                handler_call_details.invocation_metadata or (),
                self._required_scopes(selector),
            )
        except OperationsError as error:
            who = error
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour, make = _parts_of(handler)
        if isinstance(who, OperationsError):
            behaviour = self._refusing(who)
        else:
            behaviour = _answered_for(who, behaviour, streams=handler.response_streaming)
        return make(behaviour, handler.request_deserializer, handler.response_serializer)

    def _refusing(self, error: OperationsError) -> _Behaviour:
        async def refuse(request: Any, context: _Context) -> None:  # noqa: ANN401, ARG001 - any
            await abort(context, error, self._domain)

        return refuse


def _answered_for(caller: Caller, behaviour: _Behaviour, *, streams: bool) -> _Behaviour:
    """Returns a method that knows its caller, of the same colour and kind."""
    if inspect.iscoroutinefunction(behaviour):

        async def call(request: Any, context: Any) -> Any:  # noqa: ANN401 - any message
            with answering(caller):
                return await behaviour(request, context)

        return call
    if inspect.isasyncgenfunction(behaviour):

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
            async with contextlib.aclosing(behaviour(request, context)) as replies:
                while True:
                    # Around each step, since what is set in a generator is set for its reader too.
                    with answering(caller):
                        try:
                            reply = await anext(replies)
                        except StopAsyncIteration:
                            return
                    yield reply

        return stream
    if streams:

        def sync_stream(request: Any, context: Any) -> Iterator[Any]:  # noqa: ANN401 - any message
            # Each step may be on another thread.
            inside = _context_of(caller)
            replies = inside.run(behaviour, request, context)
            end = object()
            while (reply := inside.run(next, replies, end)) is not end:
                yield reply

        return sync_stream

    def sync_call(request: Any, context: Any) -> Any:  # noqa: ANN401 - any message
        return _context_of(caller).run(behaviour, request, context)

    return sync_call


def _context_of(caller: Caller) -> contextvars.Context:
    inside = contextvars.copy_context()
    inside.run(lambda: answering(caller).__enter__())
    return inside


def _parts_of(handler: Any) -> tuple[Any, Any]:  # noqa: ANN401 - grpc's handlers have no type
    """Returns a handler's function, and what makes a handler of its kind."""
    if handler.request_streaming:
        if handler.response_streaming:
            return handler.stream_stream, grpc.stream_stream_rpc_method_handler
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler
