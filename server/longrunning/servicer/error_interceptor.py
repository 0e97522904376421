"""What clients learn of a servicer's exception, on aio servers.

Spec: AIP-193
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NoReturn

import grpc.aio

from longrunning.interception import (
    Behaviour,
    HandlerInterceptor,
    behaviour_of,
    is_left_out,
    left_out,
    with_behaviour,
)
from longrunning.servicer.exceptions import told
from longrunning.servicer.sync_error_interceptor import SyncErrorInterceptor
from longrunning.statuses import abort

_Context = grpc.aio.ServicerContext[Any, Any]


class ErrorInterceptor(HandlerInterceptor):
    """Lets servicers raise `OperationsError`s, and hides every other exception.

    So it does for the interceptors behind it.

    An `OperationsError` ends the call with its code, message and details; anything else with
    INTERNAL, a neutral message and a correlation id that is in the log beside the traceback. gRPC
    itself would show the exception's text. Sync methods of aio servers are guarded likewise. Put it
    first.

    Args:
        domain: the `ErrorInfo.domain` of the errors.
    """

    def __init__(self, domain: str = "longrunning") -> None:
        super().__init__()
        self._domain = domain
        self._sync = SyncErrorInterceptor(domain)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler with its exceptions caught."""
        try:
            return await super().intercept_service(continuation, handler_call_details)
        except Exception as error:  # of an interceptor further in
            return self._failure(error)

    def intercept_handler(self, method: str, handler: Any) -> Any:  # noqa: ANN401, ARG002 - grpc's handlers have no type
        """Returns a handler with its exceptions caught."""
        behaviour = behaviour_of(handler)
        if inspect.iscoroutinefunction(behaviour):
            return with_behaviour(handler, self._guarded_call(behaviour))
        if inspect.isasyncgenfunction(behaviour):
            return with_behaviour(handler, self._guarded_stream(behaviour))
        if is_left_out(behaviour):  # of which an aio server would show the class of an exception
            return with_behaviour(handler, self._left_out)
        return self._sync.guarded(handler)

    def _failure(self, error: Exception) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        """Returns a handler that ends the call, whatever kind of method it is of."""

        async def fail(request: Any, context: _Context) -> None:  # noqa: ANN401, ARG001 - any
            await self._end(context, error)

        return grpc.unary_unary_rpc_method_handler(fail)

    async def _left_out(self, request: Any, context: _Context) -> None:  # noqa: ANN401, ARG002 - any
        await self._end(context, left_out())

    def _guarded_call(self, behaviour: Behaviour) -> Behaviour:
        async def call(request: Any, context: _Context) -> Any:  # noqa: ANN401 - any message
            try:
                return await behaviour(request, context)
            except Exception as error:
                await self._end(context, error)

        return call

    def _guarded_stream(self, behaviour: Behaviour) -> Behaviour:
        async def stream(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
            try:
                async with aclosing(behaviour(request, context)) as messages:
                    async for message in messages:
                        yield message
            except Exception as error:
                await self._end(context, error)

        return stream

    async def _end(self, context: _Context, error: Exception) -> NoReturn:
        if isinstance(error, grpc.aio.AbortError):
            raise error
        await abort(context, told(error), self._domain)
