"""Rows: a record as the stores with tables keep it, one column for each of its fields.

Beside those there are three columns that hold again what is inside the bytes of `operation`, so
that a filter on them needs no look into the bytes.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from google.longrunning import operations_pb2

from longrunning.lifecycle import Record, State

COLUMNS = tuple(field.name for field in fields(Record))
"""The columns of a record, in the order of its fields."""

FACTS = ("error_code", "metadata_type", "response_type")
"""The columns that repeat what is inside `operation`; NULL where it is not set."""

CHANGING = ("state", "revision", "attempt", "owner", "update_time", "expire_time", "operation")
"""The columns that `Store.replace` writes, beside the facts."""

_STATE = COLUMNS.index("state")
_STATES = {str(state): state for state in State}


def record_of(row: Sequence[Any]) -> Record:
    """Returns the record in a row of `COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["state"] = _STATES[row[_STATE]]
    return Record(**values)


def values_of(record: Record) -> dict[str, Any]:
    """Returns the values of every column that writes a record."""
    values = {column: getattr(record, column) for column in COLUMNS}
    values["state"] = record.state.value
    values.update(facts_of(record.operation))
    return values


def facts_of(operation: bytes) -> dict[str, Any]:
    """Returns what a serialized operation says for the columns of `FACTS`."""
    message = operations_pb2.Operation.FromString(operation)
    outcome = message.WhichOneof("result")
    return {
        "error_code": message.error.code if outcome == "error" else None,
        "metadata_type": message.metadata.type_url if message.HasField("metadata") else None,
        "response_type": message.response.type_url if outcome == "response" else None,
    }
