"""Calls of servicers in this process, through async interceptors.

The chain is that of `grpc.aio.server`: each interceptor gets the next one as a continuation, and
the last one the look-up of the handler.

Spec: grpc.aio.ServerInterceptor.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.endings import CallEnding, conclude
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import (
    CallDetails,
    Handler,
    PreparedHandler,
    RpcMethod,
    Servicers,
    check_streaming,
    reply_from,
)
from grpc_transcoding.calls.sync_bridge import SyncBridge


class InProcessBackend:
    """Calls handlers on the running loop; sync ones on threads, as `grpc.aio.server` does.

    Args:
        servicers: Where handlers are found.
        interceptors: Async ones, outermost first.
        executor: The threads of sync handlers, or None for the loop's own.
    """

    def __init__(
        self,
        servicers: Servicers,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        executor: Executor | None = None,
    ) -> None:
        self._servicers = servicers
        self._interceptors = tuple(interceptors)
        self._executor = executor
        self._prepared_by_path: dict[str, PreparedHandler] = {}

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        try:
            prepared = method.prepared
            if prepared is None or self._interceptors:
                prepared = await self._prepared(method, context)
            argument = _argument(prepared, request)
            if prepared.is_async:
                reply = await prepared.behaviour(argument, context)
            else:
                bridge = SyncBridge(context, self._executor)
                reply = await bridge.unary(prepared.behaviour, argument)
            context.raise_for_termination()
            if failure := context.failure():
                raise failure
            reply = reply_from(prepared.handler, reply, method.response_class)
        except BaseException as exception:
            if (ended := conclude(method, context, exception)) is not None:
                raise ended from exception
            raise
        conclude(method, context, None)
        return reply

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        with CallEnding(method, context):
            prepared = method.prepared
            if prepared is None or self._interceptors:
                prepared = await self._prepared(method, context)
            behaviour, argument = prepared.behaviour, _argument(prepared, request)

            def to_message(reply: object) -> Message:
                return reply_from(prepared.handler, reply, method.response_class)

            if not prepared.is_async:
                await SyncBridge(context, self._executor).stream(behaviour, argument, to_message)
            elif inspect.iscoroutinefunction(behaviour):
                await behaviour(argument, context)  # it writes by context.write
            else:
                async with aclosing(behaviour(argument, context)) as replies:
                    async for reply in replies:
                        context.raise_for_termination()
                        await context.write(to_message(reply))
            context.raise_for_termination()
            if failure := context.failure():
                raise failure

    async def _prepared(self, method: RpcMethod, context: TranscodedContext) -> PreparedHandler:
        details = CallDetails(method.path, context.call_info)
        if self._interceptors:
            handler = await self._intercepted(0, details)
        else:
            handler = self._servicers.resolve(details)
        # Interceptors may answer each call with a handler of its own, but most do not.
        known = self._prepared_by_path.get(method.path)
        if known is not None and known.handler is handler:
            return known
        prepared = PreparedHandler(check_streaming(method, handler))
        self._prepared_by_path[method.path] = prepared
        return prepared

    async def _intercepted(self, index: int, details: grpc.HandlerCallDetails) -> Handler:
        if index == len(self._interceptors):
            return self._servicers.resolve(details)

        async def continuation(changed: grpc.HandlerCallDetails) -> Handler:
            return await self._intercepted(index + 1, changed)

        return await self._interceptors[index].intercept_service(continuation, details)


def _argument(prepared: PreparedHandler, request: Request) -> Any:
    if isinstance(request, Message):
        return prepared.argument_for(request)
    return (prepared.argument_for(message) async for message in request)
