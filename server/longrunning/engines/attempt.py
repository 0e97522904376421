"""One attempt at the work of one operation, from its claim to its outcome."""

import asyncio
import contextlib
import enum
import logging
from typing import Any

from longrunning import lifecycle
from longrunning.clock import SECOND
from longrunning.engines.assignment import Assignment
from longrunning.engines.calling import Calls, ordinary
from longrunning.engines.context import OperationCancelled
from longrunning.engines.outcome import (
    WorkerDied,
    failure,
    hidden,
    interruption,
    shown,
    success,
    timed_out,
)
from longrunning.engines.progress import Progress
from longrunning.errors import (
    Aborted,
    FailedPrecondition,
    OperationNotFound,
    OperationTooLarge,
    ResourceExhausted,
    Unavailable,
)
from longrunning.handlers import Handler
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import Record

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Stop(enum.Enum):
    """Why work is told to stop before it is done."""

    CANCELLED = "somebody asked for its cancellation"
    TIMED_OUT = "it is out of time"
    INTERRUPTED = "the process stops"
    LOST = "a newer attempt has the work"


class Attempt:
    """Runs a handler for an operation that was just claimed, and writes how it ended.

    Args:
        record: as the claim left it.
        assignment: what the handler sees of it.
        handler: does the work.
        ledger: takes its reports and its outcome.
        calls: calls the handler, where its declaration says.
    """

    def __init__(
        self,
        record: Record,
        assignment: Assignment,
        handler: Handler[Any, Any],
        ledger: Ledger,
        calls: Calls,
    ) -> None:
        self._handler = handler
        self._ledger = ledger
        self._progress = Progress(record, ledger)
        self._why: Stop | None = None
        self._overdue = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._work = loop.create_task(calls.call(handler, assignment, self._progress))
        self._timer: asyncio.TimerHandle | None = None
        if record.deadline:
            seconds = (record.deadline - ledger.clock()) / SECOND
            self._timer = loop.call_later(seconds, self._time_out)

    @property
    def number(self) -> int:
        """Which attempt of the operation this is."""
        return self._progress.record.attempt

    @property
    def done(self) -> bool:
        """Whether the handler has returned."""
        return self._work.done()

    def stop(self, why: Stop) -> None:
        """Tells the work to stop: its clean-up code runs, and it may still finish.

        Only the first reason counts.
        """
        if self._why is None:
            self._why = why
            self._progress.stop.set()
            if self._handler.run != "thread":
                self._work.cancel()

    async def finish(self) -> None:
        """Waits for the work, and writes its outcome until the store has taken it.

        It returns once the handler has, though a handler that is out of time is not waited for
        before its outcome is written.
        """
        overdue = asyncio.ensure_future(self._overdue.wait())
        try:
            await asyncio.wait([self._work, overdue], return_when=asyncio.FIRST_COMPLETED)
        finally:
            overdue.cancel()
            if self._timer:
                self._timer.cancel()
        if self._why is not Stop.LOST:
            await self._write(self._outcome())
        if not self._work.done():
            _log.warning("%s is over, and its handler still runs", self._progress.record.name)
            await asyncio.wait([self._work])

    def _time_out(self) -> None:
        self.stop(Stop.TIMED_OUT)
        # What does not heed that is given up, though nobody can stop it.
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._handler.grace, self._overdue.set)

    async def _write(self, step: Step) -> None:
        record = self._progress.record
        while True:
            try:
                await self._ledger.advance(
                    record.name, step, attempt=record.attempt, known=self._progress.record
                )
            except OperationTooLarge as error:
                step = failure(self._ledger, error)
            except (Unavailable, ResourceExhausted):
                await asyncio.sleep(_RETRY_SECONDS)
            except (OperationNotFound, FailedPrecondition, Aborted) as error:
                _log.info("dropped the outcome of %s: %s", record.name, error)
                return
            else:
                return

    def _outcome(self) -> Step:
        name = self._progress.record.name
        try:
            if not self._work.done():
                return timed_out(self._ledger)
            with contextlib.suppress(asyncio.CancelledError):
                return success(self._handler, self._work.result())
        except OperationCancelled:
            pass
        except WorkerDied:
            if self._why is None:
                return interruption(self._ledger, self._handler)
        except BaseException as error:  # a handler may raise whatever there is
            return self._failure(name, ordinary(error))
        match self._why:
            case Stop.TIMED_OUT:
                return timed_out(self._ledger)
            case Stop.INTERRUPTED:
                return interruption(self._ledger, self._handler)
            case _:
                return lambda record, now: lifecycle.cancel(record, now=now)

    def _failure(self, name: str, error: Exception) -> Step:
        """Returns the step for an exception, and for one that cannot be told as it is."""
        if self._ledger.observer:
            self._ledger.observer.failed(self._progress.record, error)
        try:
            if (told := shown(self._handler, error)) is not None:
                return failure(self._ledger, told)
        except Exception as raised:  # by the handler's mapping, or by text that is none
            error = raised
        return failure(self._ledger, hidden(name, error))
