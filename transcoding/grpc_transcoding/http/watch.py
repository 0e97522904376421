"""Ending a call whose client went away or whose deadline passed.

Both cancel the task of the request, so the servicer meets CancelledError as it would on a server.
A call that answers without waiting for anything is never watched: it is over before the loop could
notice, so it costs neither a task nor a timer.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError, deadline_exceeded
from grpc_transcoding.http.body import BodyReader

T = TypeVar("T")


class Ending(enum.Enum):
    """Why a call was cancelled from outside."""

    CLIENT_GONE = enum.auto()
    DEADLINE = enum.auto()


class CallEndedError(Exception):
    """Leaves the watch in place of the CancelledError that it caused.

    Attributes:
        ending: Why.
    """

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


class Watch:
    """Cancels the current task when the client is gone or the time is over.

    Args:
        body: Tells of a disconnect.
        seconds: Until the deadline, or None.
    """

    __slots__ = (
        "_body",
        "_loop",
        "_seconds",
        "_task",
        "_timer",
        "_watching",
        "ending",
    )

    def __init__(self, body: BodyReader, seconds: float | None) -> None:
        self._body = body
        self._seconds = seconds
        self.ending: Ending | None = None
        self._watching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None, "an ASGI application runs in a task"
        self._task = task
        self._watching = self._loop.create_task(self._wait())
        if self._seconds is not None:
            self._timer = self._loop.call_later(self._seconds, self.end, Ending.DEADLINE)
        return self

    async def _wait(self) -> None:
        # A server whose channel fails has lost the client as well.
        with contextlib.suppress(Exception):
            await self._body.wait_for_disconnect()
        self.end(Ending.CLIENT_GONE)

    def end(self, ending: Ending) -> None:
        """Cancels the call, unless something else has ended it."""
        if self.ending is None:
            self.ending = ending
            self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        # Ours was one of perhaps several requests to cancel; if so, the others still hold.
        if self.ending is not None and self._task.uncancel() == 0:
            raise CallEndedError(self.ending) from None


class _Rest:
    """What is left of a coroutine that has been started by hand and waits for a future."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, T], waits_for: object) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        # As `yield from` does, but from the middle.
        waits_for = self._waits_for
        try:
            while True:
                try:
                    sent = yield waits_for
                except BaseException as thrown:
                    waits_for = self._coroutine.throw(thrown)
                else:
                    waits_for = self._coroutine.send(sent)
        except StopIteration as done:
            return done.value


async def watched(call: Coroutine[Any, Any, T], body: BodyReader, seconds: float | None) -> T:
    """Makes a call that ends when its client is gone or its time is over.

    Args:
        call: The call, not started.
        body: Tells of a disconnect.
        seconds: Until the deadline, or None.

    Raises:
        ClientGoneError: There is nobody to answer.
        CallFailure: DEADLINE_EXCEEDED; or CANCELLED, if the servicer cancelled itself.
    """
    try:
        try:
            waits_for = call.send(None)
        except StopIteration as done:
            reply: T = done.value
            return reply
        with Watch(body, seconds):
            rest: T = await _Rest(call, waits_for)
            return rest
    except CallEndedError as ended:
        if ended.ending is Ending.CLIENT_GONE:
            raise ClientGoneError from None
        raise deadline_exceeded() from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody cancelled the request: the servicer let its own CancelledError out.
        raise CallFailure(
            grpc.StatusCode.CANCELLED, "The call was cancelled.", reason="CALL_CANCELLED"
        ) from None
