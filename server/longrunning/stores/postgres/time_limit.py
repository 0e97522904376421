"""A limit of time that holds even where one cancellation is not enough."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

_AGAIN = 1.0  # seconds, in which a database ends a statement whose connection can then be kept


@contextlib.asynccontextmanager
async def time_limit(seconds: float, *, again: float = _AGAIN) -> AsyncIterator[None]:
    """Cancels what is done in it when the time is over, until it has ended.

    `asyncio.timeout` does so once. The driver then asks the database to end the statement, and
    awaits its word without a limit: one that had not begun to run it yet overlooks that, and one
    behind a network that swallows everything never hears of it.

    Args:
        seconds: how long it may take.
        again: how long after one cancellation the next one follows, in seconds.

    Raises:
        TimeoutError: it took longer.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    timer: asyncio.TimerHandle
    cancelled = 0

    def cancel() -> None:
        nonlocal cancelled, timer
        cancelled += 1
        task.cancel()
        timer = loop.call_later(again, cancel)

    async with asyncio.timeout(seconds) as limit:
        timer = loop.call_later(seconds + again, cancel)
        try:
            yield
        except Exception as error:  # what a driver makes of a cancellation, even a TypeError
            if limit.expired():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            for _ in range(cancelled):  # one is asyncio.timeout's own to take back
                task.uncancel()
