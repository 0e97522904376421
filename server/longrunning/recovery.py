"""Settling the work of those who are gone: a background task of an open `Operations`."""

import asyncio
import contextlib
import logging

from longrunning.engines.outcome import interruption
from longrunning.errors import OperationNotFound, OperationsError
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger
from longrunning.lifecycle import IllegalTransition, Record, StaleAttempt

_log = logging.getLogger(__name__)

_AT_ONCE = 100


class Recovery:
    """Looks every so often for operations whose worker shows no sign of life any more.

    Work that is to be tried again is released, for any worker to claim; the rest ends as ABORTED,
    with reason WORKER_LOST. Any number of processes do this side by side.

    Args:
        ledger: finds them and advances them.
        handlers: say what is to become of their work; that of others is left to those.
        seconds: how long from one look to the next.
    """

    def __init__(self, ledger: Ledger, handlers: Handlers, *, seconds: float) -> None:
        self._ledger = ledger
        self._handlers = handlers
        self._seconds = seconds

    def start(self) -> None:
        """Begins to look."""
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(self._recover_forever())

    async def stop(self) -> None:
        """Looks no more."""
        self._ended.set()
        await self._task

    async def recover(self) -> int:
        """Settles some of what is orphaned now.

        Returns:
            How many were settled, 100 at most: then there may be more.

        Raises:
            OperationsError: the store cannot serve it now.
        """
        worklist = self._ledger.store.worklist
        # Not what only others know how to settle: if nobody does, it would be in the way for ever.
        mine = ["", *(handler.name for handler in self._handlers)]
        orphans = await worklist.orphans(mine, now=self._ledger.clock(), limit=_AT_ONCE)
        return sum([await self._settle(record) for record in orphans])

    async def _settle(self, record: Record) -> bool:
        handler = self._handlers.get(record.handler)
        try:
            await self._ledger.advance(
                record.name, interruption(self._ledger, handler), attempt=record.attempt
            )
        except (IllegalTransition, OperationNotFound, StaleAttempt):
            pass  # somebody was faster
        except OperationsError as error:
            _log.warning("%s is not recovered now: %s", record.name, error)
            return False
        return True

    async def _recover_forever(self) -> None:
        while not self._ended.is_set():
            try:
                while await self.recover() == _AT_ONCE and not self._ended.is_set():
                    pass
            except OperationsError as error:
                _log.warning("nothing can be recovered now: %s", error)
            except Exception:
                # Whatever it was: without this, lost work stays lost, and nobody would know.
                _log.exception("nothing can be recovered now")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._seconds):
                    await self._ended.wait()
