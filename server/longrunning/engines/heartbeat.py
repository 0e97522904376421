"""The sign of life of a worker, from a thread of its own."""

import asyncio
import logging
import threading

from longrunning.clock import SECOND, Clock
from longrunning.errors import OperationsError
from longrunning.stores.contract import Worklist

_log = logging.getLogger(__name__)


class Heartbeat:
    """Renews a lease when a third of it is over, whatever the event loop is busy with.

    Args:
        worklist: where the lease is.
        owner: whose it is.
        lease: in microseconds.
        clock: the time.
    """

    def __init__(self, worklist: Worklist, owner: str, lease: int, clock: Clock) -> None:
        self._worklist = worklist
        self._owner = owner
        self._lease = lease
        self._clock = clock
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Takes the lease; returns once it is held.

        Raises:
            OperationsError: the store cannot take it now.
        """
        await self._worklist.beat(self._owner, now=self._clock(), lease=self._lease)
        self._thread = threading.Thread(target=self._run, name="longrunning heart", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Lets go of the lease: what its owner still holds is orphaned at once.

        If the store cannot take that now, the lease runs out by itself.
        """
        self._ended.set()
        if self._thread:
            await asyncio.to_thread(self._thread.join)
        try:
            await self._worklist.retire(self._owner)
        except OperationsError as error:
            _log.warning("the lease runs out by itself, in %g s: %s", self._lease / SECOND, error)

    def _run(self) -> None:
        heart = self._worklist.heart()
        try:
            while not self._ended.wait(self._lease / SECOND / 3):
                try:
                    heart.beat(self._owner, now=self._clock(), lease=self._lease)
                except OperationsError as error:
                    _log.warning("a sign of life could not be given: %s", error)
        finally:
            heart.close()
