"""What one attempt is to do, as its handler sees it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf import any_pb2
from google.protobuf.message import Message

from longrunning.clock import SECOND
from longrunning.packing import unpack
from longrunning.stores.contract import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt at the work of one operation.

    Attributes: those that a handler's context has of it, see `AsyncOperationContext`.
    """

    name: str
    parent: str
    request: Message
    attempt: int
    deadline: datetime | None
    last_checkpoint: Message | None
    trace: str = ""

    @classmethod
    def of(cls, work: Work, *, trace: str = "") -> "Assignment":
        """Returns the assignment that a claim brought.

        Args:
            work: what was claimed.
            trace: the trace of the attempt, if it has one of its own.

        Raises:
            LookupError: this process does not have a message type of it.
            DecodeError: something in it is no message of its type.
        """
        record = work.record
        return cls(
            name=record.name,
            parent=record.parent,
            request=_message(work.request),
            attempt=record.attempt,
            deadline=(
                datetime.fromtimestamp(record.deadline / SECOND, UTC) if record.deadline else None
            ),
            last_checkpoint=_message(work.checkpoint) if work.checkpoint else None,
            trace=trace or record.trace,
        )


def _message(packed: bytes) -> Message:
    return unpack(any_pb2.Any.FromString(packed))
