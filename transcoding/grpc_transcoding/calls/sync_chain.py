"""Calls of sync servicers through sync interceptors: chain and handler whole, in one thread.

Spec: grpc.ServerInterceptor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import grpc
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.endings import CallEnding
from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.refusal import Refusal
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
from grpc_transcoding.errors import TranscodingError

Resolve = Callable[[grpc.HandlerCallDetails], Handler]


class SyncBackend:
    """Calls sync handlers through sync interceptors, as `grpc.server` does.

    Args:
        servicers: Where handlers are found.
        interceptors: Sync ones, outermost first.
        executor: The threads, or None for the loop's own.
    """

    def __init__(
        self,
        servicers: Servicers,
        interceptors: Sequence[grpc.ServerInterceptor],
        executor: Executor | None = None,
    ) -> None:
        self._servicers = servicers
        self._interceptors = tuple(interceptors)
        self._executor = executor

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        bridge = SyncBridge(context, self._executor)

        def whole_call() -> Message:
            prepared, argument = self._prepared(method, request, context, bridge)
            reply = prepared.behaviour(argument, bridge.sync_context)
            context.check()
            return reply_from(prepared.handler, reply, method.response_class)

        with CallEnding(method, context):
            return await bridge.run(whole_call)

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        bridge = SyncBridge(context, self._executor)

        def whole_call() -> None:
            prepared, argument = self._prepared(method, request, context, bridge)
            replies = prepared.behaviour(argument, bridge.sync_context)
            bridge.write_all(
                replies, lambda reply: reply_from(prepared.handler, reply, method.response_class)
            )
            context.check()

        with CallEnding(method, context):
            await bridge.run(whole_call)

    async def refused(
        self, method: RpcMethod, error: TranscodingError, context: TranscodedContext
    ) -> Exception:
        """Returns what to tell the client of a request that is at fault."""
        if not self._interceptors:
            return error
        bridge, refusal = SyncBridge(context, self._executor), Refusal(method, error)

        def whole_call() -> None:
            handler = refusal.handler(is_async=False)
            prepared = self._intercepted_once(method, context, lambda _: handler)
            request: Any = iter(())
            if not method.descriptor.client_streaming:
                request = prepared.argument_for(method.request_class())
            reply = prepared.behaviour(request, bridge.sync_context)
            if method.descriptor.server_streaming:
                next(reply, None)
            context.raise_for_termination()

        try:
            with CallEnding(method, context):
                await bridge.run(whole_call)
        except CallFailure as failure:
            return refusal.told(failure)
        return error

    def _prepared(
        self, method: RpcMethod, request: Request, context: TranscodedContext, bridge: SyncBridge
    ) -> tuple[PreparedHandler, Any]:
        prepared = self._intercepted_once(method, context, self._servicers.resolve)
        if isinstance(request, AsyncIterator):
            messages = bridge.iterate(request)
            return prepared, (prepared.argument_for(message) for message in messages)
        return prepared, prepared.argument_for(request)

    def _intercepted_once(
        self, method: RpcMethod, context: TranscodedContext, resolve: Resolve
    ) -> PreparedHandler:
        details = CallDetails(method.path, context.source)
        return PreparedHandler(check_streaming(method, self._intercepted(0, details, resolve)))

    def _intercepted(
        self, index: int, details: grpc.HandlerCallDetails, resolve: Resolve
    ) -> Handler:
        if index == len(self._interceptors):
            return resolve(details)
        return self._interceptors[index].intercept_service(
            lambda changed: self._intercepted(index + 1, changed, resolve), details
        )
