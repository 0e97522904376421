"""The engine that claims work and runs it itself: on its event loop, in threads, in processes."""

import asyncio
import logging
from collections.abc import Collection, Iterator
from typing import Any

from longrunning.clock import microseconds
from longrunning.engines.contract import Engine
from longrunning.engines.worker import Worker
from longrunning.errors import OperationsError
from longrunning.handlers import Handler, Handlers
from longrunning.ledger import Ledger

_log = logging.getLogger(__name__)


class InProcessEngine(Engine):
    """Claims pending operations, the oldest first, and runs as many as may run at once.

    Any number of processes with this engine share one store: each piece of work is done by the one
    that claims it.

    Args:
        max_running: how many operations run at once; the others wait in order.
        labels: what this process is good for: it does the work of handlers whose labels it has.
        processes: how many processes to keep ready for handlers with `run="process"`.
        lease_seconds: how long after its last sign of life this process counts as dead.
        sweep_seconds: how often to look for work, and for cancellations, that nobody told of.

    Raises:
        TypeError: the labels are one text.
        ValueError: a number is out of range.
    """

    def __init__(
        self,
        *,
        max_running: int = 64,
        labels: Collection[str] = (),
        processes: int = 1,
        lease_seconds: float = 15.0,
        sweep_seconds: float = 1.0,
    ) -> None:
        if max_running < 1:
            raise ValueError(f"max_running is {max_running}: expected 1 or more")
        if isinstance(labels, str):
            raise TypeError(f"labels is {labels!r}: expected a collection, such as [{labels!r}]")
        if processes < 0:
            raise ValueError(f"processes is {processes}: expected 0 or more")
        for option, seconds in (("lease", lease_seconds), ("sweep", sweep_seconds)):
            if microseconds(option, seconds) == 0:
                raise ValueError(f"{option}_seconds is {seconds}: expected more than that")
        self.max_running = max_running
        self.labels = frozenset(labels)
        self._processes = processes
        self._lease_seconds = lease_seconds
        self._sweep_seconds = sweep_seconds

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Says that it lives, and begins to take work."""
        self._handlers = handlers
        self._wake = asyncio.Event()
        self._ended = False
        self._waiting = False
        uses_processes = any(handler.run == "process" for handler in self._mine())
        self._worker = Worker(
            ledger,
            handlers,
            lease_seconds=self._lease_seconds,
            processes=self._processes if uses_processes else 0,
            finished=self._fill_room,
        )
        await self._worker.start()
        for handler in handlers:
            if missing := handler.labels - self.labels:
                _log.info("%s waits for a worker with %s", handler.name, ", ".join(sorted(missing)))
        self._unwatch = ledger.store.worklist.watch(self._wake.set)
        self._claiming = asyncio.create_task(self._claim_forever())

    def dispatch(self, name: str) -> None:  # noqa: ARG002 - whatever is oldest is next
        """Wakes the engine."""
        self._wake.set()

    async def stop(self, grace: float) -> None:
        """Takes no more work, lets what runs finish for `grace` seconds, interrupts the rest."""
        # It is told to end, not cancelled: a pool that waits with wait_for can swallow that before
        # Python 3.12, and whoever waits for the end would wait for ever.
        self._ended = True
        self._wake.set()
        self._unwatch()
        await self._claiming
        await self._worker.stop(grace)

    def _mine(self) -> Iterator[Handler[Any, Any]]:
        """Yields the handlers whose labels this process has."""
        return (handler for handler in self._handlers if handler.labels <= self.labels)

    def _fill_room(self) -> None:
        """Looks for more work where a piece of it has just made room for it."""
        if self._waiting:
            self._wake.set()

    async def _claim_forever(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._ended:
            next_sweep = clock() + self._sweep_seconds
            try:
                self._worker.look()
                await self._worker.settle_doubts()
                await self._claim()
                while await self._woken_before(next_sweep):
                    await self._claim()
            except OperationsError as error:
                _log.warning("no work can be taken now: %s", error)
                await self._woken_before(next_sweep)
            except Exception:
                # Whatever it was: without this an engine is dead, and would not know it.
                _log.exception("no work can be taken now")
                await self._woken_before(next_sweep)

    async def _woken_before(self, when: float) -> bool:
        """Waits for something to claim; returns False when it is time to sweep, or to end."""
        try:
            async with asyncio.timeout_at(when):
                await self._wake.wait()
        except TimeoutError:
            return False
        self._wake.clear()
        return not self._ended

    async def _claim(self) -> None:
        """Takes what waits, the oldest first, as far as there is room, and begins it."""
        limit = self.max_running - len(self._worker)
        room: dict[str, int] = {}
        for handler in self._mine():
            room[handler.name] = limit
            if handler.max_running is not None:
                left = handler.max_running - self._worker.running(handler.name)
                room[handler.name] = min(limit, left)
        self._waiting = any(places <= 0 for places in room.values())
        room = {name: places for name, places in room.items() if places > 0}
        if not room:
            return
        for work in await self._worker.claim(room, limit=limit):
            room[work.record.handler] -= 1
            limit -= 1
        self._waiting = self._waiting or limit <= 0 or min(room.values()) <= 0
