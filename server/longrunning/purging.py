"""Removing what has expired.

Spec: AIP-151 (operations may expire after some time), AIP-214
"""

import asyncio
import logging

from longrunning.errors import OperationsError
from longrunning.ledger import Ledger

_log = logging.getLogger(__name__)

_EVERY_SECONDS = 60.0
_AT_ONCE = 200


class Purging:
    """Removes expired operations in the background, a little at a time, in nobody's way.

    Args:
        ledger: knows the store and the time.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stopped = False

    def start(self) -> None:
        """Begins."""
        self._task = asyncio.create_task(self._forever())

    def stop(self) -> None:
        """Ends."""
        self._stopped = True
        self._task.cancel()

    async def purge(self) -> None:
        """Removes what has expired by now."""
        purged = _AT_ONCE
        while purged == _AT_ONCE:
            purged = await self._ledger.store.purge(now=self._ledger.clock(), limit=_AT_ONCE)
            await asyncio.sleep(0)  # a store need not wait for anything

    async def _forever(self) -> None:
        while not self._stopped:
            try:
                await self.purge()
            except OperationsError as error:
                _log.warning("purging failed, and is tried again: %s", error)
            await asyncio.sleep(_EVERY_SECONDS)
