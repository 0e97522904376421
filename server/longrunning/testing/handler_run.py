"""Running a handler as a service does, and telling what came of it."""

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from google.protobuf.message import Message

from longrunning import lifecycle
from longrunning.clock import DAY, SECOND, Clock
from longrunning.engines.assignment import Assignment
from longrunning.engines.attempt import Attempt, Stop
from longrunning.engines.calling import Calls
from longrunning.handlers import Handler, Handlers
from longrunning.ledger import Ledger, NewOperation
from longrunning.lifecycle import Record, State
from longrunning.packing import pack, unpack
from longrunning.recovery import Recovery
from longrunning.services import Service
from longrunning.stores.contract import Work
from longrunning.testing.fake_clock import FakeClock
from longrunning.testing.result import HandlerResult
from longrunning.testing.witness import Witness

_OWNER = "the worker"
_EARLIER = "an earlier worker"

# Work whose worker has died goes no further, and must not be collected either: that would run its
# clean-up code. It ends with its event loop.
_dead: set[asyncio.Task[None]] = set()


async def run(
    handler: Handler[Any, Any],
    request: Message,
    *,
    parent: str = "",
    attempt: int | None = None,
    last_checkpoint: Message | None = None,
    deadline: datetime | None = None,
    cancel_at: int | None = None,
    crash_at: int | None = None,
    resume: bool = True,
    domain: str = "longrunning",
    max_operation_bytes: int = 1024 * 1024,
    clock: Clock | None = None,
) -> HandlerResult:
    """Runs a handler as a service does, where its declaration says, and returns what came of it.

    What a handler raises is in the result, as clients would see it.

    Args:
        handler: what `operations.handler` made of the function; its `Operations` is not touched.
        request: what the handler gets.
        parent: what the operation belongs to, or "".
        attempt: which attempt this is; by default the first one, or the second one if there is a
            checkpoint.
        last_checkpoint: what an earlier attempt left.
        deadline: when the work is to be done, by `clock`; by default as its `timeout` says. It is
            stopped once that much time has really gone by.
        cancel_at: the number of the report, from 1, at which the operation is cancelled. The report
            is written, and brings the cancellation: `asyncio.CancelledError` on the loop,
            `OperationCancelled` elsewhere.
        crash_at: the number of the report at which the worker dies. The report is written and never
            returns: no clean-up code runs (on the loop and in threads: none before the event loop
            ends). What then becomes of the operation is as the handler declares.
        resume: whether that is seen through, with a next attempt of `on_interruption="retry"`; or
            else the result is what the worker left.
        domain: the `ErrorInfo.domain` of errors.
        max_operation_bytes: how large the operation may become.
        clock: the time of all that is written, by default a `FakeClock` of its own.

    Raises:
        AssertionError: there were fewer reports than `cancel_at` or `crash_at`.
        TypeError: the checkpoint is not of the class that the handler leaves.
        ValueError: a number is out of range, the deadline has no time zone, or `cancel_at` is given
            for a handler that cannot be cancelled.
    """
    least = 1 if last_checkpoint is None else 2
    first = least if attempt is None else attempt
    if first < least:
        what = "attempts are counted from 1"
        if last_checkpoint is not None:
            what = "what comes after a checkpoint is at least the second"
        raise ValueError(f"attempt is {first}: {what}")
    if last_checkpoint is not None:
        handler.check_checkpoint(last_checkpoint)
    if deadline is not None and deadline.tzinfo is None:
        raise ValueError(f"the deadline {deadline} has no time zone: give it one, such as UTC")
    if cancel_at is not None and not handler.cancellable:
        raise ValueError(f"{handler.name} is declared not cancellable: leave out cancel_at")
    for name, number in (("cancel_at", cancel_at), ("crash_at", crash_at)):
        if number is not None and number < 1:
            raise ValueError(f"{name} is {number}: reports are counted from 1")
    clock = clock or FakeClock()
    store = Witness(clock, cancel_at=cancel_at, crash_at=crash_at)
    ledger = Ledger(store, clock=clock, domain=domain, max_operation_bytes=max_operation_bytes)
    bench = _Bench(handler, store, ledger)
    record = await bench.create(request, parent, first - 1, last_checkpoint)
    while record.state is State.PENDING:
        dead = await bench.attempt(deadline)
        if dead:
            record = await bench.left(record.name)
            await bench.bury(dead)
            if not resume:
                break
            await bench.recover()
        record = await bench.left(record.name)
    for name, number in (("cancel_at", cancel_at), ("crash_at", crash_at)):
        if number is not None and number > len(store.reports):
            raise AssertionError(
                f"{name} is {number}, and {handler.name} reported {len(store.reports)} times"
            )
    operation = record.message()
    return HandlerResult(
        operation=operation,
        response=unpack(operation.response) if operation.HasField("response") else None,
        error=operation.error if operation.HasField("error") else None,
        cancelled=record.state is State.CANCELLED,
        reports=tuple(store.reports),
        checkpoints=tuple(store.checkpoints),
        attempt=record.attempt,
    )


class _Bench:
    """The parts of a service that one handler needs."""

    def __init__(self, handler: Handler[Any, Any], store: Witness, ledger: Ledger) -> None:
        self._handler = handler
        self._store = store
        self._ledger = ledger

    async def create(
        self, request: Message, parent: str, attempts: int, checkpoint: Message | None
    ) -> Record:
        """Makes the operation, and has earlier attempts leave what they did."""
        new = NewOperation(
            parent=parent,
            method=self._handler.method,
            handler=self._handler.name,
            caller="",
            request_id="",
            request=pack(request),
            metadata=None,
            retention=DAY,
            service=Service(),
        )
        record = await self._ledger.create(new)
        advance, name = self._ledger.advance, record.name
        for number in range(1, attempts + 1):
            await advance(
                name, lambda record, now: lifecycle.claim(record, owner=_EARLIER, now=now)
            )
            if checkpoint is not None and number == attempts:
                left = pack(checkpoint).SerializeToString(deterministic=True)
                await advance(
                    name, lambda record, now: lifecycle.checkpoint(record, now=now), checkpoint=left
                )
            record = await advance(name, lambda record, now: lifecycle.release(record, now=now))
        self._store.watched = True
        return record

    async def attempt(self, deadline: datetime | None) -> asyncio.Task[None] | None:
        """Runs one attempt; returns what is left of it if its worker dies."""
        (work,) = await self._claim(deadline)
        self._calls = Calls(processes=0)
        running = Attempt(
            work.record, Assignment.of(work), self._handler, self._ledger, self._calls
        )
        self._store.tell = lambda: running.stop(Stop.CANCELLED)
        finishing = asyncio.create_task(running.finish())
        crashing = asyncio.create_task(self._store.crashed.wait())
        try:
            await asyncio.wait([finishing, crashing], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            running.stop(Stop.INTERRUPTED)
            await self._calls.close()
            raise
        finally:
            crashing.cancel()
        if not finishing.done():
            self._store.crashed.clear()
            return finishing
        await self._calls.close()
        await finishing
        return None

    async def bury(self, dead: asyncio.Task[None]) -> None:
        """Lets a worker be dead: its processes are killed, its lease is over."""
        _dead.add(dead)
        dead.add_done_callback(_dead.discard)
        await self._calls.close()
        if self._handler.run == "process":
            await dead  # that its process was killed is known here, as it would be in a service
        await self._store.worklist.retire(_OWNER)

    async def recover(self) -> None:
        """Does what becomes of work whose worker is dead."""
        handlers = Handlers()
        handlers.add(self._handler)
        await Recovery(self._ledger, handlers, seconds=1.0).recover()

    async def left(self, name: str) -> Record:
        """Returns how the operation is left."""
        record = await self._store.get(name)
        assert record is not None
        return record

    async def _claim(self, deadline: datetime | None) -> Sequence[Work]:
        def take(record: Record) -> Record:
            timeout = int((self._handler.timeout or 0) * SECOND)
            now = self._ledger.clock()
            claimed = lifecycle.claim(record, owner=_OWNER, now=now, timeout=timeout)
            if deadline is None:
                return claimed
            return dataclasses.replace(claimed, deadline=round(deadline.timestamp() * SECOND))

        worklist = self._store.worklist
        await worklist.beat(_OWNER, now=self._ledger.clock(), lease=DAY)
        return await worklist.claim({self._handler.name: 1}, take, limit=1)
