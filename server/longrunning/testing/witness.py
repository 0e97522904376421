"""A store that looks on while a handler works, and gets in its way at the chosen report."""

import asyncio
from collections.abc import Callable

from google.protobuf import any_pb2
from google.protobuf.message import Message

from longrunning import lifecycle
from longrunning.clock import Clock
from longrunning.lifecycle import Record, State
from longrunning.packing import unpack
from longrunning.stores import MemoryStore


class Witness(MemoryStore):
    """Keeps all that work writes; its cancellation comes, or its worker dies, at one report.

    Attributes:
        reports: what was reported, in order.
        checkpoints: what was left for a next attempt, in order.
        watched: whether what is written now is the work's.
        tell: tells the running attempt that it is cancelled.
        crashed: set when the report came at which the worker dies; it never returns.

    Args:
        clock: the time of the cancellation.
        cancel_at: the number of the report at which it comes, None for never.
        crash_at: the number of the report at which the worker dies, None for never.
    """

    def __init__(self, clock: Clock, *, cancel_at: int | None, crash_at: int | None) -> None:
        super().__init__()
        self.reports: list[Message] = []
        self.checkpoints: list[Message] = []
        self.watched = False
        self.tell: Callable[[], None] = lambda: None
        self.crashed = asyncio.Event()
        self._clock = clock
        self._cancel_at = cancel_at
        self._crash_at = crash_at

    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        before = await self.get(record.name)
        if not self.watched or before is None or record.state is not before.state:
            return await super().replace(record, checkpoint)
        if checkpoint:
            written = await super().replace(record, checkpoint)
            if written:
                self.checkpoints.append(unpack(any_pb2.Any.FromString(checkpoint)))
            return written
        number = len(self.reports) + 1
        if number == self._cancel_at and record.state is State.RUNNING:
            # It was asked for just before the report, which is therefore written once more.
            await super().replace(lifecycle.request_cancel(before, now=self._clock()))
            self.tell()
            return False
        if not await super().replace(record):
            return False
        self.reports.append(unpack(record.message().metadata))
        if number == self._cancel_at:
            await asyncio.sleep(0)  # here it arrives, where the work is on this loop
        if number == self._crash_at:
            self.crashed.set()
            # No further line of the work runs, as if its process had been killed.
            await asyncio.Event().wait()
        return True
