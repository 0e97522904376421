"""The worker processes of one engine."""

import asyncio
import logging
from collections import deque
from typing import Any

from longrunning.engines.assignment import Assignment
from longrunning.engines.outcome import WorkerDied
from longrunning.engines.processes.process import WorkerProcess
from longrunning.engines.progress import Progress
from longrunning.handlers import Handler

_log = logging.getLogger(__name__)


class ProcessPool:
    """Calls handlers in processes: as many as there are calls under way, used again and again.

    It is of one event loop. Nothing is started by making one.

    Args:
        spare: how many idle processes to keep, from the first call on, or from `start`.
        linger_seconds: how long one more is kept, since work that stops often goes on soon.
    """

    def __init__(self, *, spare: int, linger_seconds: float = 10.0) -> None:
        self._spare = spare
        self._linger_seconds = linger_seconds
        self._under_way = 0
        self._processes: set[WorkerProcess] = set()
        self._idle: list[tuple[WorkerProcess, float]] = []  # since when; the latest is last
        self._waiting: deque[asyncio.Future[WorkerProcess]] = deque()
        self._starting: set[asyncio.Task[None]] = set()
        self._trimming: asyncio.TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Begins to start the spare processes."""
        self._fill()

    async def call(
        self, handler: Handler[Any, Any], assignment: Assignment, progress: Progress
    ) -> object:
        """Returns what a handler returns.

        Once cancelled, it tells the process, where `OperationCancelled` is raised in the handler,
        and gives it `handler.grace` seconds to end in one way or another before it is killed.
        Being cancelled again changes nothing.

        Raises:
            OperationCancelled: the handler let itself be cancelled.
            asyncio.CancelledError: it had to be killed for that, or had not begun.
            WorkerDied: the process ended without an answer, or the pool is closed.
            OperationsError: the handler raised it, or its `errors` say so.
            RemoteError: it raised anything else, which is told in the cause.
            RuntimeError: no process can be started.
        """
        self._under_way += 1
        try:
            process = await self._take()
            try:
                return await process.call(handler, assignment, progress)
            finally:
                self._offer(process)
        finally:
            self._under_way -= 1
            self._fill()

    async def close(self) -> None:
        """Kills all processes at once, and returns when none is left."""
        self._closed = True
        if self._trimming:
            self._trimming.cancel()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(WorkerDied("there are no processes any more"))
        processes = list(self._processes)
        for process in processes:
            process.kill()
        for process in processes:
            await process.wait()
        await asyncio.gather(*self._starting, return_exceptions=True)

    async def _take(self) -> WorkerProcess:
        """Returns a process that is idle, or the next one that becomes so or was started."""
        if self._closed:
            raise WorkerDied("there are no processes any more")
        while self._idle:
            process, _ = self._idle.pop()
            if process.usable:
                return process
        waiting: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._fill()
        try:
            return await waiting
        except asyncio.CancelledError:
            if waiting.done() and not waiting.cancelled() and not waiting.exception():
                self._offer(waiting.result())
            raise

    def _offer(self, process: WorkerProcess) -> None:
        """Gives a process to whoever waits for one, or keeps it for a while."""
        if not process.usable:
            return
        if (waiting := self._next_waiting()) is not None:
            waiting.set_result(process)
            return
        self._idle.append((process, asyncio.get_running_loop().time()))
        if self._trimming is None:
            self._trim()

    def _next_waiting(self) -> asyncio.Future[WorkerProcess] | None:
        while self._waiting:
            if not (waiting := self._waiting.popleft()).done():
                return waiting
        return None

    def _trim(self) -> None:
        """Ends what is idle for too long, and comes again when the next one will be."""
        loop = asyncio.get_running_loop()
        self._trimming = None
        while len(self._idle) > self._spare:
            process, since = self._idle[0]
            if (until := since + self._linger_seconds) > loop.time():
                self._trimming = loop.call_at(until, self._trim)
                return
            del self._idle[0]
            process.kill()

    def _fill(self) -> None:
        """Starts what is missing: a process for each call, and the spare ones in quiet times."""
        alive = sum(process.usable for process in self._processes)
        missing = max(self._spare, self._under_way) - alive
        for _ in range(0 if self._closed else missing):
            try:
                process = WorkerProcess(self._forget)
            except Exception as error:  # of the system, or of multiprocessing
                self._fail(error)
                return
            self._processes.add(process)
            task = asyncio.get_running_loop().create_task(self._start(process))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, process: WorkerProcess) -> None:
        try:
            await process.start()
        except Exception as error:
            self._fail(error)
        else:
            self._offer(process)

    def _fail(self, error: Exception) -> None:
        """Tells who waits that there will be no process."""
        if (waiting := self._next_waiting()) is not None:
            waiting.set_exception(error)
        elif not self._closed:
            _log.error("no process can be started for handlers", exc_info=error)

    def _forget(self, process: WorkerProcess) -> None:
        self._processes.discard(process)
        self._idle = [(each, since) for each, since in self._idle if each is not process]
