"""Where calls of sync servers are authenticated."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import grpc

from longrunning.auth.authenticator import Authenticator
from longrunning.auth.behaviours import answered_for
from longrunning.auth.caller import Caller
from longrunning.auth.scopes import RequiredScopes, nowhere_said, selector_of
from longrunning.errors import OperationsError
from longrunning.interception import Behaviour, behaviour_of, with_behaviour
from longrunning.statuses import abort_sync


class SyncAuthenticationInterceptor(grpc.ServerInterceptor):
    """Does for sync servers what `AuthenticationInterceptor` does for aio ones.

    Tokens are checked on an event loop in a thread of its own, so the authenticator must be no
    other interceptor's.

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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler as its caller may use it, or one that refuses him."""
        selector = selector_of(handler_call_details.method)
        checking = self._authenticator.authenticate(
            selector,
            handler_call_details.invocation_metadata or (),
            self._required_scopes(selector),
        )
        try:
            who: Caller | OperationsError = asyncio.run_coroutine_threadsafe(
                checking, self._running_loop()
            ).result()
        except OperationsError as error:
            who = error
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        streams = handler.response_streaming
        if isinstance(who, OperationsError):
            # Whether the request is a message is none of his business.
            return with_behaviour(handler, self._refusing(who, streams=streams), bytes)
        return with_behaviour(handler, answered_for(who, behaviour_of(handler), streams=streams))

    def _refusing(self, error: OperationsError, *, streams: bool) -> Behaviour:
        def refuse(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401, ARG001 - any
            abort_sync(context, error, self._domain)

        def refuse_stream(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any
            yield refuse(request, context)

        return refuse_stream if streams else refuse

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # A daemon: it has nothing to finish when the process ends.
                threading.Thread(
                    target=self._loop.run_forever, name="longrunning tokens", daemon=True
                ).start()
        return self._loop
