"""What a call of one method goes through: its interceptors, and then its handler.

Spec: grpc.aio.ServerInterceptor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from grpc_transcoding.calls.handler_interceptor import HandlerInterceptor
from grpc_transcoding.calls.refusal import gated
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import (
    CallDetails,
    Handler,
    PreparedHandler,
    RpcMethod,
    behaviour_of,
    check_streaming,
    make_handler,
)


class Chain:
    """The chain of one method, worked out as far as that can be done before a call.

    Args:
        method: That is called.
        interceptors: Outermost first.
        handler: At the end of the chain, or None if it has to be looked up at each call.
        resolve: Looks it up.

    Attributes:
        settled: The handler as all interceptors leave it; None if `of` has to find out at each
            call.
    """

    __slots__ = ("_asked", "_handler", "_last", "_last_answer", "_method", "_resolve", "settled")

    def __init__(
        self,
        method: RpcMethod,
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        handler: Handler | None,
        resolve: Callable[[grpc.HandlerCallDetails], Handler],
    ) -> None:
        asked = list(interceptors)
        if handler is not None and asked:
            handler = gated(handler)
        while handler is not None and asked and isinstance(asked[-1], HandlerInterceptor):
            intercepted = asked[-1].intercept_handler(method.path, handler)
            if intercepted is None:
                break
            handler = intercepted
            del asked[-1]
        self._method = method
        self._asked = tuple(asked)
        self._handler = handler
        self._resolve = resolve
        self._last: PreparedHandler | None = None
        self._last_answer: Handler = None
        self.settled: PreparedHandler | None = None
        if handler is not None and not asked:
            self.settled = PreparedHandler(check_streaming(method, handler))

    async def of(self, context: TranscodedContext) -> PreparedHandler:
        """Returns the handler of one call.

        Raises:
            CallFailure: There is none.
            TypeError: It streams otherwise than the method.
        """
        handler = await self._intercepted(0, CallDetails(self._method.path, context.source))
        # Interceptors may answer each call with a handler of its own, but most do not.
        if self._last is None or self._last_answer is not handler:
            fitting = _fitting(self._method, handler)
            self._last = PreparedHandler(check_streaming(self._method, fitting))
            self._last_answer = handler
        return self._last

    async def _intercepted(self, index: int, details: grpc.HandlerCallDetails) -> Handler:
        if index == len(self._asked):
            if self._handler is not None:
                return self._handler
            found = self._resolve(details)
            return found and gated(found)

        async def continuation(changed: grpc.HandlerCallDetails) -> Handler:
            return await self._intercepted(index + 1, changed)

        return await self._asked[index].intercept_service(continuation, details)


def _fitting(method: RpcMethod, handler: Handler) -> Handler:
    """Returns a handler of the method's kind, if it is an async one that may only end the call.

    An interceptor that refuses a call need not know whether the method streams; a server does not
    mind either.
    """
    declared = method.descriptor
    ways = (bool(declared.client_streaming), bool(declared.server_streaming))
    if handler is None or (handler.request_streaming, handler.response_streaming) == ways:
        return handler
    behaviour = behaviour_of(handler)
    if not inspect.iscoroutinefunction(behaviour):
        return handler

    async def end(request: Any, context: Any) -> None:
        await behaviour(request, context)
        raise TypeError(f"the handler of {method.path} streams otherwise than it is declared")

    return make_handler(*ways, end)
