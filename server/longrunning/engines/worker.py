"""Running claimed work in this process: whoever claims it, and wherever it was dispatched from."""

import asyncio
import contextlib
import logging
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from google.protobuf.message import DecodeError

from longrunning import lifecycle
from longrunning.clock import SECOND
from longrunning.engines.assignment import Assignment
from longrunning.engines.attempt import Attempt, Stop
from longrunning.engines.calling import Calls
from longrunning.engines.heartbeat import Heartbeat
from longrunning.engines.outcome import failure, timed_out
from longrunning.errors import Internal, OperationNotFound, OperationsError
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import IllegalTransition, Record, StaleAttempt, State
from longrunning.stores.contract import Unwatch, Work

_log = logging.getLogger(__name__)

_STOPPING_SECONDS = 5.0
_KILLING_SECONDS = 1.0
_UNREADABLE = Internal(
    "The request of the operation cannot be read by the worker.", reason="REQUEST_UNREADABLE"
)


class Worker:
    """Runs work under one lease, and delivers cancellations to it.

    Args:
        ledger: reads and advances operations.
        handlers: what this process can do.
        lease_seconds: how long after its last sign of life it counts as dead.
        processes: how many processes to keep ready for handlers that run in one.
        finished: called after each piece of work.
    """

    def __init__(
        self,
        ledger: Ledger,
        handlers: Handlers,
        *,
        lease_seconds: float,
        processes: int = 0,
        finished: Callable[[], None] = lambda: None,
    ) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._handlers = handlers
        self._finished = finished
        self._owner = str(uuid.uuid4())
        self._heartbeat = Heartbeat(
            self._store.worklist, self._owner, int(lease_seconds * SECOND), ledger.clock
        )
        self._calls = Calls(processes=processes)
        # More than one of a name, where this worker lost the work and then took it again itself.
        self._attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._running: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: set[tuple[str, int]] = set()
        self._doubtful = False
        self._unwatch: Unwatch | None = None

    def __len__(self) -> int:
        """How many pieces of work run."""
        return self._running.total()

    def running(self, handler: str) -> int:
        """Returns how many pieces of one handler's work run."""
        return self._running[handler]

    async def start(self) -> None:
        """Says that it lives, and goes on saying so.

        Raises:
            OperationsError: the store cannot take it now.
        """
        await self._heartbeat.start()

    async def claim(
        self, room: Mapping[str, int], *, limit: int, name: str | None = None
    ) -> Sequence[Work]:
        """Claims pending work, and runs it; see `Worklist.claim`.

        Raises:
            OperationsError: the store cannot serve it now. What it may have given all the same is
                given back by `settle_doubts`.
        """
        await self._heartbeat.revive()
        try:
            works = await self._ledger.claim(room, self._take, limit=limit, name=name)
        except BaseException:
            self._doubtful = True
            raise
        for work in works:
            self._run(work)
        return works

    async def settle_doubts(self) -> None:
        """Gives back what is this worker's in the store, and does not run here.

        Raises:
            OperationsError: the store cannot serve it now.
        """
        if not self._doubtful:
            return
        self._doubtful = False  # until the next doubt, which may come meanwhile
        try:
            for record in await self._store.worklist.held(self._owner):
                if (record.name, record.attempt) not in self._begun:
                    with contextlib.suppress(IllegalTransition, OperationNotFound, StaleAttempt):
                        await self._ledger.advance(
                            record.name,
                            lambda record, now: lifecycle.release(record, now=now),
                            attempt=record.attempt,
                        )
        except BaseException:
            self._doubtful = True
            raise

    def _take(self, record: Record) -> Record:
        """Returns the revision that makes a record this worker's."""
        handler = self._handlers.get(record.handler)
        timeout = int((handler.timeout or 0) * SECOND) if handler else 0
        now = self._ledger.clock()
        return lifecycle.claim(record, owner=self._owner, now=now, timeout=timeout)

    def _run(self, work: Work) -> None:
        self._begun.add((work.record.name, work.record.attempt))
        self._running[work.record.handler] += 1
        if self._unwatch is None:
            self._unwatch = self._store.watch(self._notice)
        self._spawn(self._see_through(work))

    def look(self, names: Collection[str] | None = None) -> None:
        """Looks whether some of what runs was cancelled or lost; None for all of it."""
        wanted = self._attempts if names is None else self._attempts.keys() & set(names)
        if wanted:
            self._spawn(self._look(list(wanted)))

    async def stop(self, grace: float) -> None:
        """Lets running work finish for `grace` seconds, interrupts what is left, and retires."""
        await self._settle(grace)
        for attempts in self._attempts.values():
            for attempt in attempts:
                attempt.stop(Stop.INTERRUPTED)
        await self._settle(_STOPPING_SECONDS)
        await self._calls.close()
        await self._settle(_KILLING_SECONDS)
        if self:
            _log.warning("%d operations did not heed their interruption", len(self))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._end_watch()
        # What is still running is nobody's from now on, and another process may take it over.
        await self._heartbeat.stop()

    async def _settle(self, seconds: float) -> None:
        """Waits until nothing runs, but not longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self:
                    await asyncio.wait(list(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    async def _see_through(self, work: Work) -> None:
        name, handler = work.record.name, work.record.handler
        observer = self._ledger.observer
        attempt: Attempt | None = None
        try:
            with observer.attempt(work.record) if observer else contextlib.nullcontext():
                if (attempt := await self._begin(work)) is not None:
                    self._attempts[name].append(attempt)
                    self.look([name])  # it may have been cancelled since it was claimed
                    await attempt.finish()
        except OperationsError as error:
            _log.warning("%s is given back: %s", name, error)
            self._doubtful = True
        except Exception:
            _log.exception("%s is given back", name)
            self._doubtful = True
        finally:
            self._begun.discard((name, work.record.attempt))
            if attempt is not None:
                self._attempts[name].remove(attempt)
                if not self._attempts[name]:
                    del self._attempts[name]
            self._running[handler] -= 1
            if not self:
                self._end_watch()
            self._finished()

    async def _begin(self, work: Work) -> Attempt | None:
        """Returns the attempt, unless it is hopeless: then its operation ends."""
        record = work.record
        handler = self._handlers.get(record.handler)
        if handler is None:
            raise AssertionError(f"claimed work for {record.handler!r}, which is not here")
        if record.deadline and record.deadline <= self._ledger.clock():
            await self._give_up(record, timed_out(self._ledger))
            return None
        try:
            observer = self._ledger.observer
            assignment = Assignment.of(work, trace=observer.trace() if observer else "")
        except (LookupError, DecodeError) as error:
            _log.error("%s cannot begin: %s", record.name, error)
            await self._give_up(record, failure(self._ledger, _UNREADABLE))
            return None
        return Attempt(record, assignment, handler, self._ledger, self._calls)

    async def _give_up(self, record: Record, step: Step) -> None:
        await self._ledger.advance(record.name, step, attempt=record.attempt, known=record)

    def _notice(self, names: Collection[str] | None) -> None:
        self.look(names)

    async def _look(self, names: Collection[str]) -> None:
        for name in names:
            try:
                record = await self._store.get(name)
            except OperationsError:
                continue  # the next sweep looks again
            if record is None:
                continue  # a deleted operation's work goes on, and its outcome is dropped
            for attempt in self._attempts.get(name, ()):
                # What is begun here may be newer than what was read.
                if attempt.number < record.attempt:
                    attempt.stop(Stop.LOST)
                elif attempt.number == record.attempt and record.state is State.CANCELLING:
                    attempt.stop(Stop.CANCELLED)

    def _end_watch(self) -> None:
        if self._unwatch:
            self._unwatch()
            self._unwatch = None

    def _spawn(self, work: Any) -> asyncio.Task[None]:  # noqa: ANN401
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
