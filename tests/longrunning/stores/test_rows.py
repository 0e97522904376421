"""A record comes out of a row as it went in."""

import copy
import dataclasses
import pickle

import pytest

from longrunning.lifecycle import Record, State
from longrunning.stores.rows import CHANGING, COLUMNS, record_of, revised, written

# Every field differs from every other one, so that none can stand in another's place.
RECORD = Record(
    **{field.name: f"{field.name}'s" for field in dataclasses.fields(Record)}
    | {"state": State.CANCELLING, "exclusive": True, "operation": b""}  # type: ignore[arg-type]
)


def test_each_column_is_read_into_its_own_field() -> None:
    assert record_of(written(RECORD)[: len(COLUMNS)]) == RECORD


def test_a_record_that_was_read_is_like_any_other() -> None:
    row = list(written(RECORD)[: len(COLUMNS)])
    row[COLUMNS.index("exclusive")] = 1  # as SQLite has it
    read = record_of(row)
    assert type(read) is Record
    assert read.exclusive is True
    assert read.state is State.CANCELLING
    assert hash(read) == hash(RECORD)
    assert repr(read) == repr(RECORD)
    assert dataclasses.replace(read, revision=2).revision == 2
    assert copy.copy(read) == pickle.loads(pickle.dumps(read)) == RECORD
    with pytest.raises(dataclasses.FrozenInstanceError):
        read.revision = 3  # type: ignore[misc]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        record_of(written(RECORD)[: len(COLUMNS) - 1])


def values(record: Record, columns: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(getattr(record, column) for column in columns)


def test_a_record_that_did_not_change_is_the_same_object() -> None:
    assert revised(RECORD, values(RECORD, CHANGING)) is RECORD


@pytest.mark.parametrize("column", CHANGING)
def test_each_column_that_can_change_is_revised(column: str) -> None:
    news = State.FAILED if column == "state" else b"news" if column == "operation" else "news"
    changed = dataclasses.replace(RECORD, **{column: news})  # type: ignore[arg-type]
    assert revised(RECORD, values(changed, CHANGING)) == changed
