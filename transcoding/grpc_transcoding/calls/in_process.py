"""Calls of servicers in this process, through async interceptors.

The chain is that of `grpc.aio.server`: each interceptor gets the next one as a continuation, and
the last one the look-up of the handler.

Spec: grpc.aio.ServerInterceptor.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import (
    CallDetails,
    Handler,
    RpcMethod,
    Servicers,
    argument_for,
    behaviour_of,
    is_async,
    reply_from,
)
from grpc_transcoding.calls.sync_bridge import SyncBridge
from grpc_transcoding.errors import TranscodingError

_log = logging.getLogger("grpc_transcoding")


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

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        try:
            handler = await self._handler(method, context)
            behaviour = behaviour_of(handler)
            argument = self._argument(handler, request)
            if is_async(behaviour):
                reply = await behaviour(argument, context)
            else:
                bridge = SyncBridge(context, self._executor)
                reply = await bridge.unary(behaviour, argument)
            context.raise_for_termination()
            if failure := context.failure():
                raise failure
            return reply_from(handler, reply, method.response_class)
        except (CallFailure, ClientGoneError, TranscodingError):
            raise
        except Exception as exception:
            raise _failure(method, context, exception) from exception
        finally:
            _call_back(method, context)

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        try:
            handler = await self._handler(method, context)
            behaviour = behaviour_of(handler)
            argument = self._argument(handler, request)
            if not is_async(behaviour):
                await SyncBridge(context, self._executor).stream(
                    behaviour,
                    argument,
                    lambda reply: reply_from(handler, reply, method.response_class),
                )
            elif asyncio.iscoroutinefunction(behaviour):
                await behaviour(argument, context)  # writes by context.write
            else:
                replies = behaviour(argument, context)
                try:
                    async for reply in replies:
                        context.raise_for_termination()
                        await context.write(reply_from(handler, reply, method.response_class))
                finally:
                    await replies.aclose()
            context.raise_for_termination()
            if failure := context.failure():
                raise failure
        except (CallFailure, ClientGoneError, TranscodingError):
            raise
        except Exception as exception:
            raise _failure(method, context, exception) from exception
        finally:
            _call_back(method, context)

    async def _handler(self, method: RpcMethod, context: TranscodedContext) -> Handler:
        handler = method.handler
        if self._interceptors:
            handler = await self._intercepted(0, CallDetails(method.path, context.call_info))
        elif handler is None:
            handler = self._servicers.resolve(CallDetails(method.path, context.call_info))
        if handler is None:
            raise CallFailure(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        declared = method.descriptor
        if (handler.request_streaming, handler.response_streaming) != (
            declared.client_streaming,
            declared.server_streaming,
        ):
            raise TypeError(f"the handler of {method.path} streams otherwise than it is declared")
        return handler

    async def _intercepted(self, index: int, details: grpc.HandlerCallDetails) -> Handler:
        if index == len(self._interceptors):
            return self._servicers.resolve(details)

        async def continuation(changed: grpc.HandlerCallDetails) -> Handler:
            return await self._intercepted(index + 1, changed)

        return await self._interceptors[index].intercept_service(continuation, details)

    def _argument(self, handler: Handler, request: Request) -> Any:
        if isinstance(request, Message):
            return argument_for(handler, request)
        return (argument_for(handler, message) async for message in request)


def _failure(method: RpcMethod, context: TranscodedContext, exception: Exception) -> CallFailure:
    """Returns how a call failed that raised; what it raised is logged, and goes no further."""
    is_foreign = not context.was_aborted and not isinstance(exception, NotImplementedError)
    if is_foreign:
        _log.error("%s raised %s", method.path, type(exception).__name__, exc_info=exception)
    failure = context.failure(exception)
    assert failure is not None
    return failure


def _call_back(method: RpcMethod, context: TranscodedContext) -> None:
    for callback in context.finish():
        try:
            callback(context)
        except Exception:
            _log.exception("a done callback of %s raised", method.path)
