"""Calls of servicers in this process, through async interceptors."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from typing import Any

import grpc.aio
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.chain import Chain
from grpc_transcoding.calls.endings import CallEnding, call_back, conclude
from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.refusal import Refusal, open_gate
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import PreparedHandler, RpcMethod, Servicers, reply_from
from grpc_transcoding.calls.sync_bridge import SyncBridge
from grpc_transcoding.errors import TranscodingError


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
        self._chains: dict[str, Chain] = {}

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        open_gate()
        try:
            chain = self._chains.get(method.path) or self._chain(method)
            prepared = chain.settled or await chain.of(context)
            # Nearly always a request is what the handler wants, and a reply what was declared.
            as_it_is = type(request) is prepared.deserializes_by
            argument = request if as_it_is else _argument(prepared, request)
            if prepared.is_async:
                reply = await prepared.behaviour(argument, context)
            else:
                bridge = SyncBridge(context, self._executor)
                reply = await bridge.unary(prepared.behaviour, argument)
            context.check()
            if type(reply) is not method.response_class:
                reply = reply_from(prepared.handler, reply, method.response_class)
        except BaseException as exception:
            if (ended := conclude(method, context, exception)) is not None:
                raise ended from exception
            raise
        if callbacks := context.finish():
            call_back(callbacks, method, context)
        return reply

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        open_gate()
        with CallEnding(method, context):
            chain = self._chains.get(method.path) or self._chain(method)
            prepared = chain.settled or await chain.of(context)
            await self._stream(method, prepared, request, context)

    async def refused(
        self, method: RpcMethod, error: TranscodingError, context: TranscodedContext
    ) -> Exception:
        """Returns what to tell the client of a request that is at fault."""
        if not self._interceptors:
            return error
        refusal = Refusal(error)
        request = _no_messages() if method.descriptor.client_streaming else method.request_class()
        try:
            with CallEnding(method, context), refusal:
                chain = self._chains.get(method.path) or self._chain(method)
                prepared = chain.settled or await chain.of(context)
                if method.descriptor.server_streaming:
                    await self._stream(method, prepared, request, context)
                else:
                    argument = _argument(prepared, request)
                    if prepared.is_async:
                        await prepared.behaviour(argument, context)
                    else:
                        bridge = SyncBridge(context, self._executor)
                        await bridge.unary(prepared.behaviour, argument)
                    context.check()
        except CallFailure as failure:
            return refusal.told(failure)
        return error

    async def _stream(
        self,
        method: RpcMethod,
        prepared: PreparedHandler,
        request: Request,
        context: TranscodedContext,
    ) -> None:
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
        context.check()

    def _chain(self, method: RpcMethod) -> Chain:
        chain = Chain(method, self._interceptors, method.handler, self._servicers.resolve)
        self._chains[method.path] = chain
        return chain


def _argument(prepared: PreparedHandler, request: Request) -> Any:
    if isinstance(request, Message):
        return prepared.argument_for(request)
    return (prepared.argument_for(message) async for message in request)


async def _no_messages() -> AsyncIterator[Message]:
    return
    yield
