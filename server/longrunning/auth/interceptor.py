"""Where calls of aio servers are authenticated: one interceptor for gRPC and for REST."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio

from longrunning.auth.authenticator import Authenticator
from longrunning.auth.behaviours import answered_for
from longrunning.auth.caller import Caller, answering
from longrunning.auth.scopes import RequiredScopes, nowhere_said, selector_of
from longrunning.errors import OperationsError
from longrunning.interception import (
    Behaviour,
    HandlerInterceptor,
    behaviour_of,
    is_left_out,
    left_out,
    with_behaviour,
)
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class AuthenticationInterceptor(HandlerInterceptor):
    """Refuses calls without a good token, and tells servicers whose call it is (`caller_of`).

    It goes into a `grpc.aio.server` and a `grpc_transcoding.Transcoder` alike. Put it first, or
    behind an `ErrorInterceptor`.

    Args:
        authenticator: knows who calls.
        required_scopes: what each method needs, such as `longrunning.services.required_scopes`; of
            an async method it is asked once.
        domain: the `ErrorInfo.domain` of the refusals.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        required_scopes: RequiredScopes = nowhere_said,
        domain: str = "longrunning",
    ) -> None:
        super().__init__()
        self._authenticator = authenticator
        self._required_scopes = required_scopes
        self._domain = domain

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler as its caller may use it, or one that refuses him."""
        method = handler_call_details.method
        try:
            handler: Any = await continuation(handler_call_details)
        except Exception:
            # Who has no good token learns nothing of how an interceptor further in fails.
            try:
                await self._caller(method, handler_call_details.invocation_metadata)
            except OperationsError as error:
                return grpc.unary_unary_rpc_method_handler(self._refusing(error))
            raise
        if handler is None:
            return None
        if (intercepted := self._intercepted(method, handler)) is not None:
            return intercepted
        # A sync method runs on a thread: who calls is found out before.
        try:
            caller = await self._caller(method, handler_call_details.invocation_metadata)
        except OperationsError as error:
            # Whether the request is a message is none of his business.
            return with_behaviour(handler, self._refusing(error), bytes)
        streams = handler.response_streaming
        return with_behaviour(handler, answered_for(caller, behaviour_of(handler), streams=streams))

    def intercept_handler(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        """Returns the handler as its callers may use it; None if it is sync."""
        behaviour = behaviour_of(handler)
        if inspect.iscoroutinefunction(behaviour):
            return with_behaviour(handler, self._authenticated_call(method, behaviour))
        if inspect.isasyncgenfunction(behaviour):
            return with_behaviour(handler, self._authenticated_stream(method, behaviour))
        if is_left_out(behaviour):
            return with_behaviour(
                handler, self._authenticated_call(method, self._refusing(left_out())), bytes
            )
        return None

    def _authenticated_call(self, method: str, behaviour: Behaviour) -> Behaviour:
        caller_or_end = self._caller_or_end(method)

        async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            with answering(await caller_or_end(context)):
                return await behaviour(request, context)

        return call

    def _authenticated_stream(self, method: str, behaviour: Behaviour) -> Behaviour:
        caller_or_end = self._caller_or_end(method)

        async def stream(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
            caller = await caller_or_end(context)
            replies = behaviour(request, context)
            try:
                while True:
                    # Around each step, since what is set in a generator is set for its reader too.
                    with answering(caller):
                        try:
                            reply = await anext(replies)
                        except StopAsyncIteration:
                            return
                    yield reply
            finally:
                with answering(caller):
                    await replies.aclose()

        return stream

    def _caller_or_end(self, method: str) -> Callable[[_Context], Awaitable[Caller]]:
        """Returns what finds out who calls a method, or ends the call."""
        selector = selector_of(method)
        required = self._required_scopes(selector)
        authenticate = self._authenticator.authenticate

        async def caller_or_end(context: _Context) -> Caller:
            try:
                return await authenticate(selector, context.invocation_metadata() or (), required)
            except OperationsError as error:
                await abort(context, error, self._domain)

        return caller_or_end

    async def _caller(self, method: str, metadata: Any) -> Caller:  # noqa: ANN401 - of many types
        selector = selector_of(method)
        required = self._required_scopes(selector)
        return await self._authenticator.authenticate(selector, metadata or (), required)

    def _refusing(self, error: OperationsError) -> Behaviour:
        async def refuse(request: Any, context: _Context) -> None:  # noqa: ANN401, ARG001 - any
            await abort(context, error, self._domain)

        return refuse
