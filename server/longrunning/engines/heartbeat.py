"""The sign of life of a worker, from a thread of its own."""

import asyncio
import logging
import threading

from longrunning.clock import SECOND, Clock
from longrunning.errors import OperationsError
from longrunning.stores.contract import Worklist

_log = logging.getLogger(__name__)

_LAST_BEAT_SECONDS = 5.0


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
        self._until = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Takes the lease; returns once it is held.

        Raises:
            OperationsError: the store cannot take it now.
        """
        await self._beat()
        self._thread = threading.Thread(target=self._run, name="longrunning heart", daemon=True)
        self._thread.start()

    async def revive(self) -> None:
        """Renews a lease that has run out: the process stood still, or its clock was set.

        The thread will do so as well, but what is claimed before that would be lost at once.

        Raises:
            OperationsError: the store cannot take it now.
        """
        if self._clock() > self._until and not self._ended.is_set():
            await self._beat()

    async def stop(self) -> None:
        """Lets go of the lease: what its owner still holds is orphaned at once.

        If the store cannot take that now, or does not answer a beat that is under way, the lease
        runs out by itself.
        """
        self._ended.set()
        if self._thread:
            await asyncio.to_thread(self._thread.join, _LAST_BEAT_SECONDS)
        try:
            await self._worklist.retire(self._owner)
        except OperationsError as error:
            _log.warning("the lease runs out by itself, in %g s: %s", self._lease / SECOND, error)

    async def _beat(self) -> None:
        now = self._clock()
        await self._worklist.beat(self._owner, now=now, lease=self._lease)
        self._until = now + self._lease

    def _run(self) -> None:
        heart = self._worklist.heart()
        try:
            while not self._ended.wait(self._lease / SECOND / 3):
                try:
                    now = self._clock()
                    heart.beat(self._owner, now=now, lease=self._lease)
                    self._until = now + self._lease
                    if self._ended.is_set():
                        # It may come after `stop` has let go of the lease, and bring that back.
                        heart.beat(self._owner, now=now, lease=0)
                except OperationsError as error:
                    _log.warning("a sign of life could not be given: %s", error)
                except Exception:
                    # Whatever it was: a heart that stands still costs the worker all of its work.
                    _log.exception("a sign of life could not be given")
        finally:
            heart.close()
