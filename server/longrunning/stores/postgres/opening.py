"""Opening a database: bringing the tables of one schema up to date, under a lock."""

import secrets
from typing import Any

import psycopg

from longrunning.stores import migrations
from longrunning.stores.migrations import Migrate, Migrated
from longrunning.stores.postgres.database import Connection

# ruff: noqa: S608 - the statements are made of names of our own and of a schema that was checked

_PAGE_TOKEN_KEY = "page_token_key"  # noqa: S105 - the name of a secret, not its value
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('longrunning ' || %s, 0))"
_HAS_SCHEMA = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
_HAS_LEDGER = "SELECT to_regclass(%s) IS NOT NULL"
_LEDGER = """
CREATE TABLE migrations (
    version       integer NOT NULL PRIMARY KEY,
    oldest_reader integer NOT NULL
)
"""


async def open_schema(conninfo: str, schema: str, migrate: Migrate) -> tuple[Migrated, bytes]:
    """Brings the tables of a schema up to date.

    Returns:
        What was done, and the key of the page tokens.

    Raises:
        StoreError: the schema may not be migrated, or is too new; goes on after the store's URL.
        psycopg.Error: the database does not allow it.
    """
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        # Whatever the database's default is: what others did before the lock came has to be seen.
        await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        async with connection.transaction():
            await connection.execute(_LOCK, [schema])
            migrated = await _migrate(connection, schema, migrate)
            key = await _keep_secret(connection, schema)
    return migrated, key


async def _migrate(connection: Connection, schema: str, migrate: Migrate) -> Migrated:
    ledger = f'"{schema}".migrations'
    version = reader = 0
    (found,) = await _one(connection, _HAS_LEDGER, [ledger])
    if found:
        version, reader = await _one(
            connection,
            f"SELECT coalesce(max(version), 0), coalesce(max(oldest_reader), 0) FROM {ledger}",
        )
    steps = migrations.missing(
        migrations.load("longrunning.stores.postgres"),
        version=version,
        oldest_reader=reader,
        migrate=migrate,
    )
    if not found:
        # Asked first: IF NOT EXISTS needs the right to create schemas even where it exists.
        if not await (await connection.execute(_HAS_SCHEMA, [schema])).fetchone():
            await connection.execute(f'CREATE SCHEMA "{schema}"')
        await connection.execute(f'SET LOCAL search_path TO "{schema}"')
        await connection.execute(_LEDGER)
    for step in steps:
        await connection.execute(f'SET LOCAL search_path TO "{schema}"')
        await connection.execute(step.sql)
        await connection.execute(
            f"INSERT INTO {ledger} VALUES (%s, %s)", [step.version, step.oldest_reader]
        )
    return Migrated(version, steps[-1].version if steps else version)


async def _keep_secret(connection: Connection, schema: str) -> bytes:
    await connection.execute(
        f'INSERT INTO "{schema}".secrets (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING',
        [_PAGE_TOKEN_KEY, secrets.token_bytes(32)],
    )
    (key,) = await _one(
        connection, f'SELECT value FROM "{schema}".secrets WHERE name = %s', [_PAGE_TOKEN_KEY]
    )
    return bytes(key)


async def _one(
    connection: Connection, statement: str, values: list[str] | None = None
) -> tuple[Any, ...]:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return row
