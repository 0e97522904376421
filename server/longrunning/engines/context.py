"""What a handler gets beside its request, in the colour of its function."""

import asyncio
import logging
import threading
from typing import Any

from google.protobuf.message import Message

from longrunning import lifecycle
from longrunning.errors import OperationNotFound, Unavailable
from longrunning.handlers import Handler
from longrunning.ledger import Ledger
from longrunning.lifecycle import Record, State
from longrunning.packing import pack

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


class OperationCancelled(Exception):
    """Raised by `report` in a thread's handler once the operation is to be cancelled."""


class _OperationContext:
    """What both colours have in common.

    Attributes:
        name: the operation's name.
        parent: what it belongs to, "" for nothing.
        request: the message that started it.
        attempt: 1 for the first try; pass it on as a fencing token to whatever the work writes to,
            since an attempt that was taken for dead may still be running.
    """

    def __init__(
        self, record: Record, request: Message, handler: Handler[Any, Any], ledger: Ledger
    ) -> None:
        self.name = record.name
        self.parent = record.parent
        self.request = request
        self.attempt = record.attempt
        self._handler = handler
        self._ledger = ledger
        self._stop = threading.Event()

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop: it was cancelled, or the server is stopping."""
        return self._stop.is_set()

    def interrupt(self) -> None:
        """Asks the work to stop; for engines."""
        self._stop.set()

    async def _report(self, metadata: Message) -> None:
        """Writes the metadata, once the store takes it; what was deleted meanwhile is let go.

        Raises:
            TypeError: the handler was declared with another class.
            StaleAttempt: a newer attempt holds the work.
        """
        expected = self._handler.metadata
        if expected is None or not isinstance(metadata, expected):
            declared = expected.DESCRIPTOR.full_name if expected else "no metadata"
            raise TypeError(
                f"{self._handler.name} reported a {type(metadata).__name__}: "
                f"it was declared with {declared}"
            )
        packed = pack(metadata)
        while True:
            try:
                record = await self._ledger.advance(
                    self.name,
                    lambda record, now: lifecycle.report(record, packed, now=now),
                    attempt=self.attempt,
                )
            except OperationNotFound:
                _log.info("dropped a report of %s: the operation was deleted", self.name)
            except Unavailable:
                # A store that is away for a moment is no reason for healthy work to fail.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            else:
                if record.state is State.CANCELLING:
                    self._stop.set()
            return


class AsyncOperationContext(_OperationContext):
    """For handlers on the event loop; cancellation arrives as `asyncio.CancelledError`."""

    async def report(self, metadata: Message) -> None:
        """Replaces the operation's metadata; it is durable when this returns.

        Raises:
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
        """
        await self._report(metadata)


class SyncOperationContext(_OperationContext):
    """For handlers in a thread; cancellation is a flag, and an exception at `report`."""

    def __init__(
        self,
        record: Record,
        request: Message,
        handler: Handler[Any, Any],
        ledger: Ledger,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(record, request, handler, ledger)
        self._loop = loop

    def report(self, metadata: Message) -> None:
        """Replaces the operation's metadata; it is durable when this returns.

        Raises:
            OperationCancelled: the work is to stop.
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
        """
        if self.cancelled:
            raise OperationCancelled(self.name)
        asyncio.run_coroutine_threadsafe(self._report(metadata), self._loop).result()
        if self.cancelled:
            raise OperationCancelled(self.name)
