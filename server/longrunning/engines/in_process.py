"""The engine that runs work in the process that serves: on its event loop, or in threads."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Collection, Coroutine
from typing import Any

from google.protobuf.message import DecodeError

from longrunning import lifecycle
from longrunning.clock import SECOND
from longrunning.engines.attempt import Attempt, failure, interruption, request_of
from longrunning.engines.contract import Engine
from longrunning.errors import Internal, OperationNotFound, OperationsError
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger
from longrunning.lifecycle import IllegalTransition, Record, State
from longrunning.stores.contract import Unwatch

_log = logging.getLogger(__name__)

_ORPHANS_AT_ONCE = 100
_STOPPING_SECONDS = 5.0
_UNREADABLE = Internal(
    "The request of the operation cannot be read by the worker.", reason="REQUEST_UNREADABLE"
)


class InProcessEngine(Engine):
    """Runs handlers in this process, and takes over the work of processes that died.

    Args:
        max_running: how many operations run at once; the others wait in order.
        lease_seconds: how long after its last sign of life a process counts as dead.
        sweep_seconds: how often to look for work that nobody dispatched.
    """

    def __init__(
        self, *, max_running: int = 64, lease_seconds: float = 15.0, sweep_seconds: float = 1.0
    ) -> None:
        self._max_running = max_running
        self._lease = int(lease_seconds * SECOND)
        self._sweep_seconds = sweep_seconds
        self._owner = ""
        self._next_beat = 0
        self._running: dict[str, Attempt | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._ended = False
        self._backlog = False
        self._unwatch: Unwatch | None = None

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Says that it lives, takes over what was left behind, and begins to take work."""
        self._ledger = ledger
        self._store = ledger.store
        self._handlers = handlers
        self._owner = str(uuid.uuid4())
        self._next_beat = 0
        self._stopping = self._ended = False
        await self._beat()
        self._sweeper = asyncio.create_task(self._sweep_forever())

    def dispatch(self, name: str) -> None:
        """Begins an operation, unless as many run as may; then it waits for the sweep."""
        if self._backlog or len(self._running) >= self._max_running:
            self._backlog = True  # others wait already, and go first
        else:
            self._begin(name)

    def _begin(self, name: str) -> None:
        if self._stopping or name in self._running:
            return
        self._running[name] = None
        if self._unwatch is None:
            self._unwatch = self._store.watch(self._notice)
        self._spawn(self._run(name))

    async def stop(self, grace: float) -> None:
        """Lets running work finish for `grace` seconds, then interrupts it."""
        self._stopping = True
        await self._settle(grace)
        for attempt in self._running.values():
            if attempt:
                attempt.interrupt()
        await self._settle(_STOPPING_SECONDS)
        if self._running:
            _log.warning("%d operations did not heed their interruption", len(self._running))
        self._ended = True
        self._wake.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(self._sweeper, *self._tasks, return_exceptions=True)
        if self._unwatch:
            self._unwatch()
            self._unwatch = None
        # What is still running is nobody's from now on, and another process may take it over.
        await self._store.worklist.retire(self._owner)

    async def _settle(self, seconds: float) -> None:
        """Waits until nothing runs, but not longer than that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._running:
                    await asyncio.wait(list(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    async def _run(self, name: str) -> None:
        """Claims an operation and sees it through."""
        try:
            if (attempt := await self._claim(name)) is not None:
                self._running[name] = attempt
                await self._look([name])  # it may have been cancelled since it was claimed
                await attempt.finish()
        except OperationsError as error:
            _log.warning("%s waits for the next sweep: %s", name, error)
        finally:
            del self._running[name]
            if self._backlog:
                self._wake.set()  # there is room for one that waits
            if not self._running and self._unwatch:
                self._unwatch()
                self._unwatch = None

    async def _claim(self, name: str) -> Attempt | None:
        """Takes an operation if it is still there to be taken."""
        record = await self._store.get(name)
        if record is None or record.state is not State.PENDING:
            return None
        handler = self._handlers.get(record.handler)
        if handler is None:
            return None
        try:
            record = await self._ledger.advance(
                name,
                lambda record, now: lifecycle.claim(record, owner=self._owner, now=now),
                known=record,
            )
        except (IllegalTransition, OperationNotFound):
            return None  # somebody was faster: another worker, a cancellation or a deletion
        packed = await self._store.request(name)
        if packed is None:
            return None
        try:
            request = request_of(packed)
        except (LookupError, DecodeError) as error:
            _log.error("%s cannot begin: %s", name, error)
            await self._ledger.advance(name, failure(self._ledger, _UNREADABLE), known=record)
            return None
        return Attempt(record, request, handler, self._ledger)

    def _notice(self, names: Collection[str] | None) -> None:
        """Looks at running operations that changed: one of them may be cancelled."""
        changed = [
            name for name in (self._running if names is None else names) if name in self._running
        ]
        if changed:
            self._spawn(self._look(changed))

    async def _look(self, names: Collection[str]) -> None:
        for name in names:
            record = await self._store.get(name)
            attempt = self._running.get(name)
            if attempt and record and record.state is State.CANCELLING:
                attempt.cancel()

    async def _sweep_forever(self) -> None:
        # It is told to end, not cancelled: a pool that waits with wait_for can swallow that before
        # Python 3.12, and whoever waits for the end would wait for ever.
        clock = asyncio.get_running_loop().time
        while not self._ended:
            next_sweep = clock() + self._sweep_seconds
            try:
                await self._beat()
                await self._recover_orphans()
                await self._fill()
                while await self._woken_before(next_sweep):
                    await self._fill()
            except OperationsError as error:
                _log.warning("the sweep failed, and is tried again: %s", error)
                await self._woken_before(next_sweep)
            except Exception:
                # Whatever it was: without its sweep an engine is dead, and would not know it.
                _log.exception("the sweep failed, and is tried again")
                await self._woken_before(next_sweep)

    async def _woken_before(self, when: float) -> bool:
        """Waits for room for work that waits; returns False when it is time to sweep, or to end."""
        try:
            async with asyncio.timeout_at(when):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return not self._ended

    async def _beat(self) -> None:
        """Renews the lease when a third of it is over."""
        now = self._ledger.clock()
        if now >= self._next_beat:
            await self._store.worklist.beat(self._owner, now=now, lease=self._lease)
            self._next_beat = now + self._lease // 3

    async def _fill(self) -> None:
        """Begins what waits, the oldest first, as far as there is room."""
        room = self._max_running - len(self._running)
        if room > 0 and not self._stopping:
            known = [handler.name for handler in self._handlers]
            pending = await self._store.worklist.pending(known, limit=room)
            for record in pending:
                self._begin(record.name)
            self._backlog = len(pending) == room

    async def _recover_orphans(self) -> None:
        """Settles what belongs to a process that is gone."""
        if self._stopping:
            return
        now = self._ledger.clock()
        for record in await self._store.worklist.orphans(now=now, limit=_ORPHANS_AT_ONCE):
            await self._recover(record)

    async def _recover(self, record: Record) -> None:
        handler = self._handlers.get(record.handler)
        if handler is None and record.handler:
            return  # another process knows what to do with it
        with contextlib.suppress(IllegalTransition, OperationNotFound):
            await self._ledger.advance(
                record.name, interruption(self._ledger, handler), attempt=record.attempt
            )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
