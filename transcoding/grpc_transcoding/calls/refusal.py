"""The end of a chain for a request at fault: who may not call learns nothing of the fault.

Interceptors see the same handler of a method whatever is wrong with a request, since some of them
keep what they make of it: a gate around what answers, which a refusal shuts for one call.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from contextvars import ContextVar, Token
from typing import Any

from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.servicers import Handler, behaviour_of, with_behaviour
from grpc_transcoding.errors import TranscodingError


class Refusal:
    """Shuts the gate of the call that is made inside its `with`.

    Args:
        error: What is wrong with the request.
    """

    def __init__(self, error: TranscodingError) -> None:
        self._error = error
        self._is_reached = False
        self._token: Token[Refusal | None] | None = None

    def __enter__(self) -> None:
        self._token = _refusal.set(self)

    def __exit__(self, *exc_info: object) -> None:
        assert self._token is not None
        _refusal.reset(self._token)

    def told(self, failure: CallFailure) -> Exception:
        """Returns what the client learns of a call that ended: the fault, if it came this far."""
        return self._error if self._is_reached else failure

    async def end(self, context: Any) -> None:
        """Ends the call."""
        self._is_reached = True
        await context.abort(self._error.code, self._error.message)

    def end_sync(self, context: Any) -> None:
        """Ends the call on a thread, or in an async interceptor that calls a sync method."""
        self._is_reached = True
        ended = context.abort(self._error.code, self._error.message)
        if inspect.iscoroutine(ended):
            ended.send(None)


_refusal: ContextVar[Refusal | None] = ContextVar("grpc_transcoding refusal", default=None)


def open_gate() -> None:
    """Lets the call that begins pass.

    Some servers begin a request in the context of the one before: on plain asyncio, whoever lets a
    connection read on hands his context to what is read.
    """
    if _refusal.get() is not None:
        _refusal.set(None)


def gated(handler: Handler) -> Handler:
    """Returns a handler that answers no call that a `Refusal` is made for."""
    behaviour = behaviour_of(handler)

    @functools.wraps(behaviour)
    async def call(request: Any, context: Any) -> Any:
        if (refusal := _refusal.get()) is not None:
            await refusal.end(context)
        return await behaviour(request, context)

    @functools.wraps(behaviour)
    async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
        if (refusal := _refusal.get()) is not None:
            await refusal.end(context)
        async with aclosing(behaviour(request, context)) as replies:
            async for reply in replies:
                yield reply

    @functools.wraps(behaviour)
    def sync_call(request: Any, context: Any) -> Any:
        if (refusal := _refusal.get()) is not None:
            refusal.end_sync(context)
        return behaviour(request, context)

    @functools.wraps(behaviour)
    def sync_stream(request: Any, context: Any) -> Iterator[Any]:
        if (refusal := _refusal.get()) is not None:
            refusal.end_sync(context)
        yield from behaviour(request, context)

    if inspect.iscoroutinefunction(behaviour):
        return with_behaviour(handler, call)
    if inspect.isasyncgenfunction(behaviour):
        return with_behaviour(handler, stream)
    if inspect.isgeneratorfunction(behaviour):
        return with_behaviour(handler, sync_stream)
    return with_behaviour(handler, sync_call)
