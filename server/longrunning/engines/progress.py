"""What a running attempt writes: its reports and its checkpoints."""

import asyncio
import logging
import threading

from google.protobuf import any_pb2

from longrunning import lifecycle
from longrunning.errors import OperationNotFound, Unavailable
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import Record, State

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


class Progress:
    """Writes for one attempt, and knows when it is to stop.

    Attributes:
        record: the newest one that is known here.
        stop: set once the work is to stop; any thread may look.

    Args:
        record: as the claim left it.
        ledger: takes the writes.
    """

    def __init__(self, record: Record, ledger: Ledger) -> None:
        self.record = record
        self.stop = threading.Event()
        self._ledger = ledger

    async def report(self, metadata: any_pb2.Any) -> None:
        """Replaces the operation's metadata.

        Raises:
            StaleAttempt: a newer attempt holds the work.
            IllegalTransition: the operation is done.
        """
        await self._write(lambda record, now: lifecycle.report(record, metadata, now=now))

    async def checkpoint(self, checkpoint: any_pb2.Any) -> None:
        """Replaces what the next attempt begins with.

        Raises:
            StaleAttempt: a newer attempt holds the work.
            IllegalTransition: the operation is done.
            OperationTooLarge: it is larger than an operation may be.
        """
        await self._write(
            lambda record, now: lifecycle.checkpoint(record, now=now),
            checkpoint.SerializeToString(deterministic=True),
        )

    async def _write(self, step: Step, checkpoint: bytes | None = None) -> None:
        """Writes once the store takes it; what was deleted meanwhile is let go."""
        while True:
            try:
                self.record = await self._ledger.advance(
                    self.record.name,
                    step,
                    attempt=self.record.attempt,
                    known=self.record,
                    checkpoint=checkpoint,
                )
            except OperationNotFound:
                _log.info("dropped a report of %s: the operation was deleted", self.record.name)
            except Unavailable:
                # A store that is away for a moment is no reason for healthy work to fail.
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if self.record.state is State.CANCELLING:
                self.stop.set()
            return
