"""A service's operations, in memory for the time of a test."""

import contextlib
from collections.abc import AsyncIterator

from longrunning.clock import Clock
from longrunning.engines import InProcessEngine
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger
from longrunning.operations import Operations
from longrunning.stores import MemoryStore
from longrunning.testing.fake_clock import FakeClock

_CENTURY = 100 * 365 * 24 * 60 * 60.0


@contextlib.asynccontextmanager
async def in_memory(
    operations: Operations, *, clock: Clock | None = None
) -> AsyncIterator[Operations]:
    """Opens an Operations on an empty store in memory, whatever its own are.

    All of its handlers run in this process, whatever their labels. The lease of a running handler
    does not end, however far a test moves the clock; that of `create(lease=...)` does.

    Args:
        operations: as the service declares it, not open.
        clock: its time meanwhile, by default a `FakeClock` of its own.

    Raises:
        RuntimeError: it is open already.
    """
    kept = operations.store, operations.engine, operations.clock
    operations.store = MemoryStore()
    operations.engine = _EveryLabel(lease_seconds=_CENTURY, sweep_seconds=0.05)
    operations.clock = clock or FakeClock()
    try:
        async with operations:
            yield operations
    finally:
        operations.store, operations.engine, operations.clock = kept


class _EveryLabel(InProcessEngine):
    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        self.labels = frozenset[str]().union(*(handler.labels for handler in handlers))
        await super().start(ledger, handlers)
