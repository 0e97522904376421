"""What a handler gets beside its request, in the colour of its function."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from google.protobuf import any_pb2
from google.protobuf.message import Message

from longrunning.engines.assignment import Assignment
from longrunning.engines.progress import Progress
from longrunning.handlers import Handler
from longrunning.packing import pack

Write = Callable[[Literal["report", "checkpoint"], any_pb2.Any], None]
"""Writes what a plain function reports or leaves; durable when it returns."""


class OperationCancelled(Exception):
    """Raised in a plain function's handler once its work is to stop."""


class _OperationContext:
    """What both colours have in common.

    Attributes:
        name: the operation's name.
        parent: what it belongs to, "" for nothing.
        request: the message that started it.
        attempt: 1 for the first try; pass it on as a fencing token to whatever the work writes to,
            since an attempt that was taken for dead may still be running.
        deadline: when the work is stopped, None for never; in UTC.
        last_checkpoint: what an earlier attempt left last, None for nothing.
        trace: the W3C `traceparent` of this attempt, or of whoever started the operation, to pass
            on to what the work calls; "" for none.
    """

    def __init__(
        self, assignment: Assignment, handler: Handler[Any, Any], stop: threading.Event
    ) -> None:
        self.name = assignment.name
        self.parent = assignment.parent
        self.request: Message = assignment.request
        self.attempt = assignment.attempt
        self.deadline: datetime | None = assignment.deadline
        self.last_checkpoint: Message | None = assignment.last_checkpoint
        self.trace = assignment.trace
        self._handler = handler
        self._stop = stop

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop: it was cancelled, is out of time, or the server stops."""
        return self._stop.is_set()


class AsyncOperationContext(_OperationContext):
    """For handlers on the event loop; cancellation arrives as `asyncio.CancelledError`."""

    def __init__(
        self, assignment: Assignment, handler: Handler[Any, Any], progress: Progress
    ) -> None:
        super().__init__(assignment, handler, progress.stop)
        self._progress = progress

    async def report(self, metadata: Message) -> None:
        """Replaces the operation's metadata; it is durable when this returns.

        Raises:
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
        """
        self._handler.check_metadata(metadata)
        await self._progress.report(pack(metadata))

    async def checkpoint(self, message: Message) -> None:
        """Leaves a message for the next attempt, should there be one; durable when this returns.

        Raises:
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
            OperationTooLarge: it is larger than an operation may be.
        """
        self._handler.check_checkpoint(message)
        await self._progress.checkpoint(pack(message))


class SyncOperationContext(_OperationContext):
    """For plain functions; cancellation is a flag, and an exception at the next write.

    In a process it is an exception besides, raised wherever the function is.
    """

    def __init__(
        self,
        assignment: Assignment,
        handler: Handler[Any, Any],
        stop: threading.Event,
        write: Write,
    ) -> None:
        super().__init__(assignment, handler, stop)
        self._write = write

    def report(self, metadata: Message) -> None:
        """Replaces the operation's metadata; it is durable when this returns.

        Raises:
            OperationCancelled: the work is to stop.
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
        """
        self._handler.check_metadata(metadata)
        self._write_unless_cancelled("report", metadata)

    def checkpoint(self, message: Message) -> None:
        """Leaves a message for the next attempt, should there be one; durable when this returns.

        Raises:
            OperationCancelled: the work is to stop; the checkpoint is kept if that came meanwhile.
            TypeError: the handler was declared with another class.
            StaleAttempt: this attempt has lost the work to a newer one.
            OperationTooLarge: it is larger than an operation may be.
        """
        self._handler.check_checkpoint(message)
        self._write_unless_cancelled("checkpoint", message)

    def _write_unless_cancelled(
        self, kind: Literal["report", "checkpoint"], message: Message
    ) -> None:
        if self.cancelled:
            raise OperationCancelled(self.name)
        self._write(kind, pack(message))
        if self.cancelled:
            raise OperationCancelled(self.name)
