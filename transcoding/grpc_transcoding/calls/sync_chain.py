"""Calls of sync servicers through sync interceptors: chain and handler whole, in one thread.

Spec: grpc.ServerInterceptor.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from typing import Any

import grpc
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.endings import CallEnding
from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.refusal import Refusal, gated, open_gate
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
        self._gated: dict[str, tuple[Handler, Handler]] = {}  # by method, with what is behind it

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        open_gate()
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
        open_gate()
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
        bridge, refusal = SyncBridge(context, self._executor), Refusal(error)

        def whole_call() -> None:
            prepared = self._intercepted_once(method, context)
            request: Any = iter(())
            if not method.descriptor.client_streaming:
                request = prepared.argument_for(method.request_class())
            reply = prepared.behaviour(request, bridge.sync_context)
            if method.descriptor.server_streaming:
                next(iter(reply), None)
            context.raise_for_termination()

        try:
            with CallEnding(method, context), refusal:
                await bridge.run(whole_call)
        except CallFailure as failure:
            return refusal.told(failure)
        return error

    def _prepared(
        self, method: RpcMethod, request: Request, context: TranscodedContext, bridge: SyncBridge
    ) -> tuple[PreparedHandler, Any]:
        prepared = self._intercepted_once(method, context)
        if isinstance(request, AsyncIterator):
            messages = bridge.iterate(request)
            return prepared, (prepared.argument_for(message) for message in messages)
        return prepared, prepared.argument_for(request)

    def _intercepted_once(self, method: RpcMethod, context: TranscodedContext) -> PreparedHandler:
        details = CallDetails(method.path, context.source)
        return PreparedHandler(check_streaming(method, self._intercepted(0, details)))

    def _intercepted(self, index: int, details: grpc.HandlerCallDetails) -> Handler:
        if index < len(self._interceptors):
            return self._interceptors[index].intercept_service(
                lambda changed: self._intercepted(index + 1, changed), details
            )
        handler = self._servicers.resolve(details)
        if handler is None or not self._interceptors:
            return handler
        known = self._gated.get(details.method)
        if known is None or known[0] is not handler:
            known = self._gated[details.method] = (handler, gated(handler))
        return known[1]
