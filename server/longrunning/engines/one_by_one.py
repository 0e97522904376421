"""The engine of a process that is told what to do, by a queue or a cluster of its own."""

import asyncio
import contextlib

from longrunning.engines.contract import Engine
from longrunning.engines.worker import Worker
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger


class OneByOne(Engine):
    """Runs one operation at a time, by name, and looks for none itself.

    Args:
        lease_seconds: how long after its last sign of life this process counts as dead.
        sweep_seconds: how often to look for cancellations that the store did not tell of.
    """

    def __init__(self, *, lease_seconds: float = 15.0, sweep_seconds: float = 1.0) -> None:
        self._lease_seconds = lease_seconds
        self._sweep_seconds = sweep_seconds

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Says that it lives."""
        self._room = {handler.name: 1 for handler in handlers}
        self._finished = asyncio.Event()
        self._worker = Worker(
            ledger, handlers, lease_seconds=self._lease_seconds, finished=self._finished.set
        )
        await self._worker.start()

    def dispatch(self, name: str) -> None:
        """Does nothing."""

    async def run(self, name: str) -> bool:
        """Claims an operation, and runs it until its outcome is written.

        Returns:
            Whether there was something to claim: what comes twice, is done, was cancelled, or waits
            for its turn is left alone.

        Raises:
            OperationsError: the store cannot serve it now.
        """
        await self._worker.settle_doubts()
        self._finished.clear()
        claimed = await self._worker.claim(self._room, limit=1, name=name)
        while claimed and not self._finished.is_set():
            self._worker.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._sweep_seconds):
                    await self._finished.wait()
        return bool(claimed)

    async def stop(self, grace: float) -> None:
        """Lets what runs finish for `grace` seconds, interrupts it, and retires."""
        await self._worker.stop(grace)
