"""What runs in a worker process of Ray: one task, one claim, one attempt."""

import asyncio
import contextlib
import functools
import logging
import threading

from longrunning.engines.one_by_one import OneByOne
from longrunning.engines.ray.settings import Settings
from longrunning.engines.ray.target import load
from longrunning.errors import OperationsError

_log = logging.getLogger(__name__)

_IDLE_SECONDS = 10.0


def work(settings: Settings, name: str) -> bool:
    """Claims an operation, and runs it to its end; the body of a Ray task.

    Returns:
        Whether there was something to claim: a task that comes twice does nothing.
    """
    process = _this_process()
    running = asyncio.run_coroutine_threadsafe(process.run(settings, name), process.loop)
    while True:
        # Ray cancels by a KeyboardInterrupt in this thread, where it can do no harm. It is meant
        # for a task that waits: of work that runs, the operation alone says when it is to stop.
        with contextlib.suppress(KeyboardInterrupt):
            return running.result()


@functools.cache
def _this_process() -> "Process":
    return Process()


class Process:
    """A loop in a thread, and the Operations that is open on it.

    Ray uses its processes for one task after the other, so what a task has opened stays open for
    the next one. It is closed once there has been none for a while: a cluster has many idle
    processes, and each has connections to the database.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._lock = asyncio.Lock()
        self._running = 0
        self._settings: Settings | None = None
        self._engine: OneByOne | None = None
        self._opened = contextlib.AsyncExitStack()
        self._timer: asyncio.TimerHandle | None = None
        threading.Thread(target=self.loop.run_forever, name="longrunning", daemon=True).start()

    async def run(self, settings: Settings, name: str) -> bool:
        """Runs one task."""
        self._running += 1
        try:
            return await (await self._open(settings)).run(name)
        except OperationsError as error:
            _log.warning("%s is left for another task: %s", name, error)
            return False
        finally:
            self._running -= 1
            if self._timer:
                self._timer.cancel()
            self._timer = self.loop.call_later(_IDLE_SECONDS, self._rest)

    async def _open(self, settings: Settings) -> OneByOne:
        async with self._lock:
            if self._engine and settings != self._settings:
                await self._close()
            if self._engine is None:
                engine = OneByOne(
                    lease_seconds=settings.lease_seconds, sweep_seconds=settings.sweep_seconds
                )
                await self._opened.enter_async_context(load(settings).working(engine))
                self._engine, self._settings = engine, settings
            return self._engine

    async def _close(self) -> None:
        self._engine = None
        await self._opened.aclose()

    def _rest(self) -> None:
        self._resting = self.loop.create_task(self._close_if_idle())

    async def _close_if_idle(self) -> None:
        async with self._lock:
            if not self._running:
                await self._close()
