"""The one table of legal steps, and what each step writes.

A step is a pure function from a record to the next one; an illegal step is a failed look-up in the
table that becomes a named error. Stores then write the new record only if nobody else was faster.

Spec: google/longrunning/operations.proto, AIP-151
"""

import dataclasses
import enum
from collections.abc import Mapping

from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2

from longrunning.errors import Aborted, FailedPrecondition
from longrunning.lifecycle.record import Record, State


class Event(enum.StrEnum):
    """What can happen to an operation."""

    CLAIM = "claimed"
    REPORT = "reported"
    CHECKPOINT = "checkpointed"
    REQUEST_CANCEL = "asked to cancel"
    SUCCEED = "completed"
    FAIL = "failed"
    CANCEL = "cancelled"
    RELEASE = "released"


TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.PENDING, Event.CLAIM): State.RUNNING,
    (State.PENDING, Event.REQUEST_CANCEL): State.CANCELLED,
    (State.PENDING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.REPORT): State.RUNNING,
    (State.RUNNING, Event.CHECKPOINT): State.RUNNING,
    (State.RUNNING, Event.REQUEST_CANCEL): State.CANCELLING,
    (State.RUNNING, Event.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Event.FAIL): State.FAILED,
    (State.RUNNING, Event.CANCEL): State.CANCELLED,
    (State.RUNNING, Event.RELEASE): State.PENDING,
    # The work may still win: whoever asks for cancellation asks, and does not decide.
    (State.CANCELLING, Event.REPORT): State.CANCELLING,
    (State.CANCELLING, Event.CHECKPOINT): State.CANCELLING,
    (State.CANCELLING, Event.REQUEST_CANCEL): State.CANCELLING,
    (State.CANCELLING, Event.SUCCEED): State.SUCCEEDED,
    (State.CANCELLING, Event.FAIL): State.FAILED,
    (State.CANCELLING, Event.CANCEL): State.CANCELLED,
    (State.CANCELLING, Event.RELEASE): State.CANCELLED,
    # Cancelling what is done succeeds and changes nothing; every other step out of done is illegal.
    (State.SUCCEEDED, Event.REQUEST_CANCEL): State.SUCCEEDED,
    (State.FAILED, Event.REQUEST_CANCEL): State.FAILED,
    (State.CANCELLED, Event.REQUEST_CANCEL): State.CANCELLED,
}

CANCELLED = status_pb2.Status(code=code_pb2.CANCELLED, message="The operation was cancelled.")


class IllegalTransition(FailedPrecondition):
    """The table of transitions has no such step from the operation's state."""

    def __init__(self, record: Record, event: Event) -> None:
        super().__init__(
            f"Operation {record.name!r} is {record.state}: it cannot be {event}.",
            reason="ILLEGAL_TRANSITION",
            metadata={"name": record.name, "state": str(record.state), "event": event.name},
        )


class StaleAttempt(Aborted):
    """A newer attempt holds the work, so this one's writes are refused."""

    def __init__(self, record: Record, attempt: int) -> None:
        super().__init__(
            f"Attempt {attempt} of operation {record.name!r} is over: "
            f"attempt {record.attempt} holds the work.",
            reason="STALE_ATTEMPT",
            metadata={
                "name": record.name,
                "attempt": str(attempt),
                "current_attempt": str(record.attempt),
            },
        )


def claim(record: Record, *, owner: str, now: int, timeout: int = 0) -> Record:
    """Gives the work to `owner` as its next attempt.

    Args:
        record: the operation.
        owner: who takes it.
        now: when.
        timeout: how long the work may take in all, in microseconds, 0 for ever; it counts from the
            first claim, so that attempts do not add up.
    """
    deadline = record.deadline or (now + timeout if timeout else 0)
    attempt = record.attempt + 1
    return _step(record, Event.CLAIM, now, attempt=attempt, owner=owner, deadline=deadline)


def release(record: Record, *, now: int) -> Record:
    """Takes the work back from its owner, to be claimed again, or ends it if it was cancelling."""
    return _step(record, Event.RELEASE, now, CANCELLED, owner="")


def report(record: Record, metadata: any_pb2.Any, *, now: int) -> Record:
    """Replaces the metadata."""
    operation = record.message()
    operation.metadata.CopyFrom(metadata)
    return _step(record, Event.REPORT, now, operation=operation.SerializeToString())


def checkpoint(record: Record, *, now: int) -> Record:
    """Marks that the work has left a checkpoint; what is in it is kept beside the record."""
    return _step(record, Event.CHECKPOINT, now)


def request_cancel(record: Record, *, now: int) -> Record:
    """Asks for cancellation: ends work that nobody has claimed, marks work that runs.

    Returns:
        The same record where there is nothing to change.
    """
    if TRANSITIONS[record.state, Event.REQUEST_CANCEL] is record.state:
        return record
    return _step(record, Event.REQUEST_CANCEL, now, CANCELLED)


def succeed(record: Record, response: any_pb2.Any, *, now: int) -> Record:
    """Ends the operation with its response."""
    return _step(record, Event.SUCCEED, now, response)


def fail(record: Record, error: status_pb2.Status, *, now: int) -> Record:
    """Ends the operation with an error.

    Raises:
        ValueError: its code is OK, which is no error.
    """
    if error.code == code_pb2.OK:
        raise ValueError("the code of the error is 0, OK: expected another google.rpc.Code")
    return _step(record, Event.FAIL, now, error)


def cancel(record: Record, *, now: int) -> Record:
    """Ends the operation as cancelled: the work has stopped."""
    return _step(record, Event.CANCEL, now, CANCELLED)


def _step(
    record: Record,
    event: Event,
    now: int,
    outcome: any_pb2.Any | status_pb2.Status | None = None,
    **changes: object,
) -> Record:
    """Takes one step of the table; `outcome` is written if the step leads to a final state.

    Raises:
        IllegalTransition: the table has no such step.
    """
    state = TRANSITIONS.get((record.state, event))
    if state is None:
        raise IllegalTransition(record, event)
    if state.done:
        if outcome is None:
            raise AssertionError(f"{event} ends the operation, and has no outcome")
        changes["operation"] = _finished(record.message(), outcome)
        changes["expire_time"] = now + record.retention
        changes["owner"] = ""
    return dataclasses.replace(
        record,
        state=state,
        revision=record.revision + 1,
        # A clock that was set back must not make an operation's times run backwards.
        update_time=max(now, record.update_time),
        **changes,  # type: ignore[arg-type]  # the callers above name fields of Record
    )


def _finished(
    operation: operations_pb2.Operation, outcome: any_pb2.Any | status_pb2.Status
) -> bytes:
    """Returns the serialized operation with exactly one of response and error."""
    operation.done = True
    if isinstance(outcome, status_pb2.Status):
        operation.error.CopyFrom(outcome)
    else:
        operation.response.CopyFrom(outcome)
    serialized: bytes = operation.SerializeToString()
    return serialized
