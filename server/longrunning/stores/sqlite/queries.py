"""Every statement that is sent to SQLite; values travel as parameters, never as text."""

import json
from typing import Any

from longrunning.stores.paging import Dialect
from longrunning.stores.rows import CHANGING, COLUMNS, REWRITTEN, WRITTEN

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM operations"  # noqa: S608 - names of our own columns

GET = f"{_SELECT} WHERE name = ?"

GET_CHANGING = f"SELECT {', '.join(CHANGING)} FROM operations WHERE name = ? AND id = ?"  # noqa: S608

CREATE = f"""
INSERT INTO operations ({", ".join(WRITTEN)}, request) VALUES ({", ".join("?" * len(WRITTEN))}, ?)
ON CONFLICT (caller, method, parent, request_id) WHERE request_id <> '' DO NOTHING
"""  # noqa: S608 - names of our own columns

FIND_REQUEST_ID = f"""
{_SELECT}
WHERE caller = ? AND method = ? AND parent = ? AND request_id = ? AND request_id <> ''
"""

REPLACE = f"""
UPDATE operations SET {", ".join(f"{column} = ?" for column in REWRITTEN)},
    checkpoint = coalesce(?, checkpoint)
WHERE name = ? AND revision = ?
"""  # noqa: S608 - names of our own columns

# The last parameter says whether one that waits is in the way too.
FIND_CONFLICT = """
SELECT name FROM operations
WHERE conflict_key = ? AND conflict_key <> '' AND NOT done AND name <> ?
    AND (? OR state <> 'pending')
ORDER BY id LIMIT 1
"""

DELETE = """
DELETE FROM operations WHERE name = ? RETURNING conflict_key <> '' AND NOT done
"""

PURGE = """
DELETE FROM operations WHERE id IN (
    SELECT id FROM operations WHERE expire_time > 0 AND expire_time < ?
    ORDER BY expire_time LIMIT ?
)
"""

# What has its turn: of its conflict key, nothing is claimed and nothing older unfinished. The keys
# of what is claimed are few and looked up once, so a long queue behind one costs little.
_CLAIMABLE = """
state = 'pending' AND (conflict_key = '' OR (
    conflict_key NOT IN (
        SELECT conflict_key FROM operations
        WHERE conflict_key <> '' AND state IN ('running', 'cancelling')
    ) AND NOT EXISTS (
        SELECT 1 FROM operations AS other
        WHERE other.conflict_key = operations.conflict_key AND other.conflict_key <> ''
            AND NOT other.done AND other.id < operations.id
    )
))
"""

# The oldest few of each handler, so that a long queue of others is not in the way.
PENDING = f"""
SELECT {", ".join(f"operations.{column}" for column in COLUMNS)}
FROM json_each(:handlers) AS wanted CROSS JOIN operations
WHERE operations.id IN (
    SELECT id FROM operations WHERE handler = wanted.value AND {_CLAIMABLE}
    ORDER BY id LIMIT :limit
)
ORDER BY operations.id LIMIT :limit
"""  # noqa: S608 - names of our own columns

OLDEST = f"""
SELECT id FROM operations WHERE handler = ? AND {_CLAIMABLE} ORDER BY id LIMIT ?
"""  # noqa: S608 - our own words

NAMED = f"SELECT id, handler FROM operations WHERE name = ? AND {_CLAIMABLE}"  # noqa: S608

WORK = f"SELECT request, checkpoint, {', '.join(COLUMNS)} FROM operations WHERE id = ?"  # noqa: S608

ORPHANS = f"""
{_SELECT}
WHERE state IN ('running', 'cancelling') AND owner <> ''
    AND handler IN (SELECT value FROM json_each(:handlers))
    AND NOT EXISTS (
        SELECT 1 FROM owners WHERE owners.owner = operations.owner AND owners.expire_time >= :now
    )
ORDER BY id LIMIT :limit
"""  # noqa: S608 - names of our own columns

HELD = f"{_SELECT} WHERE state IN ('running', 'cancelling') AND owner = ? ORDER BY id"

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


def _array(values: list[Any]) -> str:
    return json.dumps(values)


DIALECT = Dialect(
    table="operations",
    parameter=lambda name: f":{name}",
    member="{column} IN (SELECT value FROM json_each({values}))",
    array=_array,
    prefix="substr({column}, 1, length({value})) = {value}",
)
"""How SQLite spells a page."""
