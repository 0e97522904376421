"""What came of a handler."""

from dataclasses import dataclass

from google.longrunning import operations_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerResult:
    """What a handler did with a request, as its service's clients would see it.

    Attributes:
        operation: how the operation is left; not done if the work was only to crash.
        response: what the handler returned, None unless it succeeded.
        error: how the operation failed, None unless it did.
        cancelled: whether it ended as cancelled.
        reports: what was reported, in order, of all attempts.
        checkpoints: what was left for a next attempt, in order, of all attempts.
        attempt: the number of the last attempt.
    """

    operation: operations_pb2.Operation
    response: Message | None
    error: status_pb2.Status | None
    cancelled: bool
    reports: tuple[Message, ...]
    checkpoints: tuple[Message, ...]
    attempt: int
