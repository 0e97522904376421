"""Rows: a record as the stores with tables keep it, one column for each of its fields.

Beside those there are three columns that hold again what is inside the bytes of `operation`, so
that a filter on them needs no look into the bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from google.longrunning import operations_pb2

from longrunning.lifecycle import Record, State

COLUMNS = tuple(field.name for field in fields(Record))
"""The columns of a record, in the order of its fields."""

FACTS = ("error_code", "metadata_type", "response_type")
"""The columns that repeat what is inside `operation`; NULL where it is not set."""

CHANGING = (
    *("state", "revision", "attempt", "owner"),
    *("update_time", "expire_time", "deadline", "operation"),
)
"""The columns that `Store.replace` writes, beside the facts."""

WRITTEN = (*COLUMNS, *FACTS)
"""The columns that `Store.create` writes, beside the request and the checkpoint."""

REWRITTEN = (*CHANGING, *FACTS)
"""The columns that `Store.replace` writes, beside the checkpoint."""

_STATES = {str(state): state for state in State}


def _reader(columns: Sequence[str]) -> Callable[[Record], tuple[Any, ...]]:
    """Returns what reads the values of columns from a record; a driver takes plain strings best."""
    return attrgetter(*("state.value" if column == "state" else column for column in columns))


_read_all = _reader(COLUMNS)
_read_changing = _reader(CHANGING)


class _Draft:
    """A record that is being filled: of a `Record`'s layout, but not frozen yet."""

    __slots__ = COLUMNS

    def __init__(self, row: Sequence[Any]) -> None:
        # fmt: off
        (
            self.name, self.id, self.parent, self.method, self.handler, self.caller,
            self.request_id, self.request_digest, state, self.revision, self.attempt, self.owner,
            self.create_time, self.update_time, self.expire_time, self.retention, self.operation,
            self.service, self.lease, self.deadline, self.conflict_key, exclusive, self.trace,
        ) = row
        # fmt: on
        self.state = _STATES[state]
        self.exclusive = bool(exclusive)  # SQLite has numbers only


def record_of(row: Sequence[Any]) -> Record:
    """Returns the record in a row of `COLUMNS`."""
    # A frozen dataclass's own `__init__` takes a dozen times as long, more than reading the row.
    record: Any = _Draft(row)
    record.__class__ = Record
    made: Record = record
    return made


def revised(record: Record, row: Sequence[Any]) -> Record:
    """Returns a record with what a row of `CHANGING` says of it; itself if that is no news."""
    if row == _read_changing(record):
        return record
    state, revision, attempt, owner, update_time, expire_time, deadline, operation = row
    # fmt: off
    return record_of((
        record.name, record.id, record.parent, record.method, record.handler, record.caller,
        record.request_id, record.request_digest, state, revision, attempt, owner,
        record.create_time, update_time, expire_time, record.retention, operation,
        record.service, record.lease, deadline, record.conflict_key, record.exclusive, record.trace,
    ))
    # fmt: on


def written(record: Record) -> tuple[Any, ...]:
    """Returns the values of `WRITTEN`."""
    return _read_all(record) + facts_of(record.operation)


def rewritten(record: Record) -> tuple[Any, ...]:
    """Returns the values of `REWRITTEN`."""
    return _read_changing(record) + facts_of(record.operation)


def facts_of(operation: bytes) -> tuple[int | None, str | None, str | None]:
    """Returns what a serialized operation says for the columns of `FACTS`."""
    message = operations_pb2.Operation.FromString(operation)
    outcome = message.WhichOneof("result")
    return (
        message.error.code if outcome == "error" else None,
        message.metadata.type_url if message.HasField("metadata") else None,
        message.response.type_url if outcome == "response" else None,
    )
