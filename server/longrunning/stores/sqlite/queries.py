"""Every statement that is sent to SQLite; values travel as parameters, never as text."""

from dataclasses import fields
from typing import Any

from longrunning.lifecycle import Record, State
from longrunning.stores.contract import Query

COLUMNS = tuple(field.name for field in fields(Record))

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM operations"  # noqa: S608 - names of our own columns
_STATE = COLUMNS.index("state")

GET = f"{_SELECT} WHERE name = ?"

REQUEST = "SELECT request FROM operations WHERE name = ?"

CREATE = f"""
INSERT INTO operations ({", ".join(COLUMNS)}, request)
VALUES ({", ".join(f":{column}" for column in COLUMNS)}, :request)
ON CONFLICT (caller, method, parent, request_id) WHERE request_id <> '' DO NOTHING
"""  # noqa: S608 - names of our own columns

FIND_REQUEST_ID = f"""
{_SELECT}
WHERE caller = :caller AND method = :method AND parent = :parent
  AND request_id = :request_id AND request_id <> ''
"""

REPLACE = """
UPDATE operations
SET state = :state, revision = :revision, attempt = :attempt, owner = :owner,
    update_time = :update_time, expire_time = :expire_time, operation = :operation
WHERE name = :name AND revision = :revision - 1
"""

DELETE = "DELETE FROM operations WHERE name = ?"

PURGE = """
DELETE FROM operations WHERE id IN (
    SELECT id FROM operations WHERE expire_time > 0 AND expire_time < ?
    ORDER BY expire_time LIMIT ?
)
"""

PENDING = f"""
{_SELECT}
WHERE state = 'pending' AND handler IN (SELECT value FROM json_each(?))
ORDER BY id LIMIT ?
"""  # noqa: S608 - names of our own columns

ORPHANS = f"""
{_SELECT}
WHERE state IN ('running', 'cancelling') AND owner <> '' AND NOT EXISTS (
    SELECT 1 FROM owners WHERE owners.owner = operations.owner AND owners.expire_time >= ?
)
ORDER BY id LIMIT ?
"""  # noqa: S608 - names of our own columns

BEAT = """
INSERT INTO owners (owner, expire_time) VALUES (?, ?)
ON CONFLICT (owner) DO UPDATE SET expire_time = excluded.expire_time
"""

RETIRE = "DELETE FROM owners WHERE owner = ?"

# An owner that has long expired can hold nothing that `ORPHANS` would not find without its row.
FORGET_OWNERS = "DELETE FROM owners WHERE expire_time < ?"

SECRET = "SELECT value FROM secrets WHERE name = ?"  # noqa: S105 - a statement, not a password

KEEP_SECRET = "INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING"  # noqa: S105

DATA_VERSION = "PRAGMA data_version"


def select_page(query: Query) -> tuple[str, dict[str, Any]]:
    """Returns the statement of one step of a list and its parameters."""
    conditions = ["id < :before"] if query.before else []
    if query.parent is not None:
        conditions.append("parent = :parent")
    if query.done is not None:
        conditions.append("done = :done")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = f"{_SELECT} {where} ORDER BY id DESC LIMIT :limit"
    values = {
        "before": query.before,
        "parent": query.parent,
        "done": query.done,
        "limit": query.limit,
    }
    return statement, values


def record_of(row: tuple[Any, ...]) -> Record:
    """Returns the record in a row of `COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["state"] = State(row[_STATE])
    return Record(**values)


def values_of(record: Record) -> dict[str, Any]:
    """Returns the parameters that write a record."""
    return {column: getattr(record, column) for column in COLUMNS}
