"""Ending a call whose client went away or whose deadline passed.

Both cancel the task of the request, so the servicer meets CancelledError as it would on a server.
The watch costs a task only when the call waits for something: a call that answers at once is over
before the loop gets to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

import grpc

from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
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
        body: Tells of a disconnect, or None if somebody else reads it.
        seconds: Until the deadline, or None.
    """

    __slots__ = (
        "_body",
        "_loop",
        "_seconds",
        "_starting",
        "_task",
        "_timer",
        "_watching",
        "ending",
    )

    def __init__(self, body: BodyReader | None, seconds: float | None) -> None:
        self._body = body
        self._seconds = seconds
        self.ending: Ending | None = None
        self._watching: asyncio.Task[None] | None = None
        self._starting: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None, "an ASGI application runs in a task"
        self._task = task
        if self._body is not None:
            self._starting = self._loop.call_soon(self._start)
        if self._seconds is not None:
            self._timer = self._loop.call_later(self._seconds, self.end, Ending.DEADLINE)
        return self

    def _start(self) -> None:
        self._watching = self._loop.create_task(self._wait())

    async def _wait(self) -> None:
        assert self._body is not None
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
        if self._starting is not None:
            self._starting.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()
        # Ours was one of perhaps several requests to cancel; if so, the others still hold.
        if self.ending is not None and self._task.uncancel() == 0:
            raise CallEndedError(self.ending) from None


async def watched(call: Awaitable[T], body: BodyReader | None, seconds: float | None) -> T:
    """Makes a call that ends when its client is gone or its time is over.

    Args:
        call: The call.
        body: Tells of a disconnect, or None if somebody else reads it.
        seconds: Until the deadline, or None.

    Raises:
        ClientGoneError: There is nobody to answer.
        CallFailure: DEADLINE_EXCEEDED; or CANCELLED, if the servicer cancelled itself.
    """
    try:
        with Watch(body, seconds):
            return await call
    except CallEndedError as ended:
        if ended.ending is Ending.CLIENT_GONE:
            raise ClientGoneError from None
        raise CallFailure(
            grpc.StatusCode.DEADLINE_EXCEEDED, "The deadline passed before the reply was ready."
        ) from None
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody cancelled the request: the servicer let its own CancelledError out.
        raise CallFailure(grpc.StatusCode.CANCELLED, "The call was cancelled.") from None
