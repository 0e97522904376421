"""What a store keeps of one operation."""

import enum
from dataclasses import dataclass

from google.longrunning import operations_pb2


class State(enum.StrEnum):
    """Where an operation is in its life; clients see only whether it is done."""

    PENDING = "pending"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def done(self) -> bool:
        """Whether nothing can change any more."""
        return self in _DONE


_DONE = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One operation as it is stored; every change makes a new record with the next revision.

    Times are microseconds since the Unix epoch, 0 for "never".

    Attributes:
        name: the resource name, as clients write it.
        id: the time-ordered key that lists are ordered by; unique in the store.
        parent: the name of what the operation belongs to, "" for none.
        method: the full name of the RPC that started it, `pkg.Service/Method`, or "".
        handler: the stored identity of the handler that does the work, "" if it runs elsewhere.
        caller: who started it, "" for the service itself.
        request_id: the caller's key for repeating the start, "" for none.
        request_digest: SHA-256 of the request, to tell a repetition from a clash.
        state: where it is in its life.
        revision: 1 at creation, one more at each change; writes compare it.
        attempt: how many times the work was claimed; the newest attempt alone may write.
        owner: who holds the current attempt, "" for nobody.
        create_time: when it was created.
        update_time: when it last changed.
        expire_time: when it may be purged.
        retention: how long it is kept once done, in microseconds.
        operation: the serialized `google.longrunning.Operation`, kept byte for byte.
        service: the service through whose door it is seen, None for the one door of all.
        lease: how long its owner may be silent, in microseconds, where each report is a sign of
            life; 0 where the owner says by itself that it lives.
        deadline: when the work has to be done, set by its first claim.
        conflict_key: of the operations with the same key one is under way at a time; "" for none.
        exclusive: whether it is only created where no other with its key is unfinished.
        trace: the W3C `traceparent` of whoever started it, "" for none.
    """

    name: str
    id: str
    parent: str
    method: str
    handler: str
    caller: str
    request_id: str
    request_digest: bytes
    state: State
    revision: int
    attempt: int
    owner: str
    create_time: int
    update_time: int
    expire_time: int
    retention: int
    operation: bytes
    service: str | None = None
    lease: int = 0
    deadline: int = 0
    conflict_key: str = ""
    exclusive: bool = False
    trace: str = ""

    def message(self) -> operations_pb2.Operation:
        """Returns the operation as clients see it, a new message at each call."""
        return operations_pb2.Operation.FromString(self.operation)
