"""Every statement that is sent to PostgreSQL; values travel as parameters, never as text."""

import re
from collections.abc import Sequence

from longrunning.stores.paging import Dialect
from longrunning.stores.rows import COLUMNS, REWRITTEN, WRITTEN

# ruff: noqa: S608 - the statements are made of names of our own and of a schema that was checked

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_SELECTED = ", ".join(COLUMNS)
_BYTES = {"request_digest", "operation", "request", "checkpoint"}
_NUMBERS = {
    *("revision", "attempt", "lease", "error_code"),
    *("create_time", "update_time", "expire_time", "retention", "deadline"),
}


def _unnest(columns: Sequence[str]) -> str:
    """Returns what makes rows of an array for each column."""
    arrays = []
    for column in columns:
        if column in _BYTES:
            arrays.append("%b::bytea[]")
        elif column == "exclusive":
            arrays.append("%s::boolean[]")
        else:
            arrays.append("%s::bigint[]" if column in _NUMBERS else "%s::text[]")
    return f"unnest({', '.join(arrays)})"


class Queries:
    """The statements for the tables of one schema.

    Args:
        schema: lower-case letters, digits and `_`, at most 40.
    """

    def __init__(self, schema: str) -> None:
        if not _SCHEMA.fullmatch(schema):
            raise ValueError(
                f"the schema is {schema!r}: expected at most 40 lower-case letters, digits and '_'"
            )
        self.schema = schema
        self.channel = f"longrunning_{schema}"
        table, owners = f'"{schema}".operations', f'"{schema}".owners'
        select = f"SELECT {_SELECTED} FROM {table}"

        self.get = f"{select} WHERE name = ANY(%s)"
        # Each of these writes many rows, given as one array for each of their columns, and returns
        # the names that it wrote, each with whether that may give work to a claim.
        inserted = ", ".join((*WRITTEN, "request"))
        self.create = (
            f"INSERT INTO {table} ({inserted}) "
            f"SELECT v.* FROM {_unnest((*WRITTEN, 'request'))} AS v ({inserted}) "
            f"WHERE NOT (v.exclusive AND EXISTS (SELECT 1 FROM {table} AS o "
            "WHERE o.conflict_key = v.conflict_key AND o.conflict_key <> '' AND NOT o.done)) "
            "ON CONFLICT DO NOTHING RETURNING name, state = 'pending'"
        )
        given = (*REWRITTEN, "checkpoint", "name", "revision")
        values = ", ".join((*REWRITTEN, "checkpoint", "name", "before"))
        self.replace = (
            f"UPDATE {table} AS o "
            f"SET {', '.join(f'{column} = v.{column}' for column in REWRITTEN)}, "
            "checkpoint = coalesce(v.checkpoint, o.checkpoint) "
            f"FROM {_unnest(given)} AS v ({values}) "
            "WHERE o.name = v.name AND o.revision = v.before "
            "RETURNING o.name, o.state = 'pending' OR (o.done AND o.conflict_key <> '')"
        )
        self.delete = (
            f"DELETE FROM {table} WHERE name = ANY(%s) "
            "RETURNING name, conflict_key <> '' AND NOT done"
        )
        # Why a creation added nothing.
        self.find_taken = f"SELECT 1 FROM {table} WHERE name = %s OR id = %s LIMIT 1"
        # The last parameter says whether one that waits is in the way too.
        self.find_conflict = (
            f"SELECT name FROM {table} "
            "WHERE conflict_key = %s AND conflict_key <> '' AND NOT done AND name <> %s "
            "AND (%s OR state <> 'pending') ORDER BY id LIMIT 1"
        )
        self.find_request_id = (
            f"{select} WHERE caller = %s AND method = %s AND parent = %s "
            "AND request_id = %s AND request_id <> ''"
        )
        self.purge = (
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} "
            "WHERE expire_time > 0 AND expire_time < %s "
            "ORDER BY expire_time LIMIT %s FOR UPDATE SKIP LOCKED)"
        )
        # The oldest few of each handler, so that a long queue of others is not in the way. A range
        # of one value, ordered by it: only the index of pending work has that order, and with an
        # equality the planner takes the primary key at times, and walks past all that is finished.
        of_handler = "state = 'pending' AND handler >= wanted AND handler <= wanted"
        oldest_first = "ORDER BY handler, id"
        # What has its turn: of its conflict key, nothing is claimed and nothing older unfinished.
        # The keys of what is claimed are looked up once: a long queue behind one costs little.
        has_its_turn = (
            "(conflict_key = '' OR (conflict_key NOT IN ("
            f"SELECT u.conflict_key FROM {table} AS u "
            "WHERE u.conflict_key <> '' AND u.state IN ('running', 'cancelling')) AND id = ("
            f"SELECT u.id FROM {table} AS u WHERE u.conflict_key >= o.conflict_key "
            "AND u.conflict_key <= o.conflict_key AND u.conflict_key <> '' AND NOT u.done "
            "ORDER BY u.conflict_key, u.id LIMIT 1)))"
        )
        self.pending = (
            f"SELECT {_SELECTED} FROM unnest(%(handlers)s::text[]) AS wanted (wanted), "
            f"LATERAL (SELECT * FROM {table} AS o WHERE {of_handler} AND {has_its_turn} "
            f"{oldest_first} LIMIT %(limit)s) AS oldest ORDER BY id LIMIT %(limit)s"
        )
        work = f"request, checkpoint, {_SELECTED}"
        # Each handler's share is locked for itself, which can be more than is taken in all: that is
        # the first column.
        self.claim = (
            f"SELECT count(*) OVER (), {work} "
            "FROM unnest(%(handlers)s::text[], %(room)s::bigint[]) AS wanted (wanted, room), "
            f"LATERAL (SELECT * FROM {table} AS o WHERE {of_handler} AND {has_its_turn} "
            f"{oldest_first} LIMIT least(room, %(limit)s) FOR UPDATE SKIP LOCKED) AS oldest "
            "ORDER BY id LIMIT %(limit)s"
        )
        self.claim_named = (
            f"SELECT 1, {work} FROM {table} AS o WHERE name = %(name)s "
            "AND state = 'pending' AND handler = ANY(%(handlers)s) "
            f"AND {has_its_turn} FOR UPDATE SKIP LOCKED"
        )
        self.orphans = (
            f"{select} AS o WHERE state IN ('running', 'cancelling') AND owner <> '' "
            "AND handler = ANY(%s) "
            f"AND NOT EXISTS (SELECT 1 FROM {owners} WHERE {owners}.owner = o.owner "
            "AND expire_time >= clock_timestamp()) ORDER BY id LIMIT %s"
        )
        self.held = f"{select} WHERE state IN ('running', 'cancelling') AND owner = %s ORDER BY id"
        self.beat = (
            f"INSERT INTO {owners} (owner, expire_time) "
            "VALUES (%s, clock_timestamp() + %s * interval '1 microsecond') "
            "ON CONFLICT (owner) DO UPDATE SET expire_time = excluded.expire_time"
        )
        self.limit_time = "SELECT set_config('statement_timeout', %s, true)"
        self.retire = f"DELETE FROM {owners} WHERE owner = %s"
        # One that has long expired can hold nothing that `orphans` would not find without its row.
        self.forget_owners = (
            f"DELETE FROM {owners} WHERE expire_time < clock_timestamp() - interval '1 day'"
        )
        self.dialect = Dialect(
            table=table,
            parameter=lambda name: f"%({name})s",
            member="{column} = ANY({values})",
            array=list,
            prefix="starts_with({column}, {value})",
        )


# For one transaction. The planner cannot know how many of those that wait have their turn; where it
# guesses few, it reads and sorts all of them instead of walking down the index to the first ones.
WALK_INDEXES = """
SELECT set_config('enable_bitmapscan', 'off', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_sort', 'off', true)
"""

NOTIFY = "SELECT pg_notify(%s, %s)"
