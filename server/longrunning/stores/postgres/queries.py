"""Every statement that is sent to PostgreSQL; values travel as parameters, never as text."""

import re

from longrunning.stores.paging import Dialect
from longrunning.stores.rows import COLUMNS, REWRITTEN, WRITTEN

# ruff: noqa: S608 - the statements are made of names of our own and of a schema that was checked

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_SELECTED = ", ".join(COLUMNS)


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
        self.request = f"SELECT request FROM {table} WHERE name = %s"
        self.create = (
            f"INSERT INTO {table} ({', '.join(WRITTEN)}, request) "
            f"VALUES ({', '.join(['%s'] * len(WRITTEN))}, %s) "
            "ON CONFLICT (caller, method, parent, request_id) WHERE request_id <> '' DO NOTHING"
        )
        self.find_request_id = (
            f"{select} WHERE caller = %s AND method = %s AND parent = %s "
            "AND request_id = %s AND request_id <> ''"
        )
        self.replace = (
            f"UPDATE {table} SET {', '.join(f'{column} = %s' for column in REWRITTEN)} "
            "WHERE name = %s AND revision = %s"
        )
        self.delete = f"DELETE FROM {table} WHERE name = %s"
        self.purge = (
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} "
            "WHERE expire_time > 0 AND expire_time < %s "
            "ORDER BY expire_time LIMIT %s FOR UPDATE SKIP LOCKED)"
        )
        self.pending = (
            f"{select} WHERE state = 'pending' AND handler = ANY(%s) ORDER BY id LIMIT %s"
        )
        self.orphans = (
            f"{select} AS o WHERE state IN ('running', 'cancelling') AND owner <> '' "
            f"AND NOT EXISTS (SELECT 1 FROM {owners} WHERE {owners}.owner = o.owner "
            "AND expire_time >= clock_timestamp()) ORDER BY id LIMIT %s"
        )
        self.beat = (
            f"INSERT INTO {owners} (owner, expire_time) "
            "VALUES (%s, clock_timestamp() + %s * interval '1 microsecond') "
            "ON CONFLICT (owner) DO UPDATE SET expire_time = excluded.expire_time"
        )
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


NOTIFY = "SELECT pg_notify(%s, %s)"
