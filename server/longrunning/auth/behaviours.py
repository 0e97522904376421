"""Methods as gRPC has them, each made to know its caller."""

import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import grpc

from longrunning.auth.caller import Caller, answering, context_of

Behaviour = Callable[..., Any]
"""A servicer's method: async or sync, with one reply or a stream of them."""


def selector_of(details: grpc.HandlerCallDetails) -> str:
    """Returns the selector of the method that is called, `pkg.Service.Method`."""
    return details.method.removeprefix("/").replace("/", ".")


def answered_for(caller: Caller, behaviour: Behaviour, *, streams: bool) -> Behaviour:
    """Returns a method that knows its caller, of the same colour and kind."""
    if inspect.iscoroutinefunction(behaviour):

        async def call(request: Any, context: Any) -> Any:  # noqa: ANN401 - any message
            with answering(caller):
                return await behaviour(request, context)

        return call
    if inspect.isasyncgenfunction(behaviour):

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - any message
            async with contextlib.aclosing(behaviour(request, context)) as replies:
                while True:
                    # Around each step, since what is set in a generator is set for its reader too.
                    with answering(caller):
                        try:
                            reply = await anext(replies)
                        except StopAsyncIteration:
                            return
                    yield reply

        return stream
    if streams:

        def sync_stream(request: Any, context: Any) -> Iterator[Any]:  # noqa: ANN401 - any message
            # Each step may be on another thread.
            inside = context_of(caller)
            replies = inside.run(behaviour, request, context)
            end = object()
            while (reply := inside.run(next, replies, end)) is not end:
                yield reply

        return sync_stream

    def sync_call(request: Any, context: Any) -> Any:  # noqa: ANN401 - any message
        return context_of(caller).run(behaviour, request, context)

    return sync_call


def parts_of(handler: Any) -> tuple[Any, Any]:  # noqa: ANN401 - grpc's handlers have no type
    """Returns a handler's function, and what makes a handler of its kind."""
    if handler.request_streaming:
        if handler.response_streaming:
            return handler.stream_stream, grpc.stream_stream_rpc_method_handler
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler
