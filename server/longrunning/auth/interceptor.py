"""Where calls of aio servers are authenticated: one interceptor for gRPC and for REST."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio

from longrunning.auth.authenticator import Authenticator
from longrunning.auth.behaviours import Behaviour, answered_for, parts_of, selector_of
from longrunning.auth.caller import Caller
from longrunning.auth.scopes import RequiredScopes, nowhere_said
from longrunning.errors import OperationsError
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without a good token, and tells servicers whose call it is (`caller_of`).

    It goes into a `grpc.aio.server` and a `grpc_transcoding.Transcoder` alike. Put it first, or
    behind an `ErrorInterceptor`.

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
        selector = selector_of(handler_call_details)
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
        behaviour, make = parts_of(handler)
        if isinstance(who, OperationsError):
            behaviour = self._refusing(who)
        else:
            behaviour = answered_for(who, behaviour, streams=handler.response_streaming)
        return make(behaviour, handler.request_deserializer, handler.response_serializer)

    def _refusing(self, error: OperationsError) -> Behaviour:
        async def refuse(request: Any, context: _Context) -> None:  # noqa: ANN401, ARG001 - any
            await abort(context, error, self._domain)

        return refuse
