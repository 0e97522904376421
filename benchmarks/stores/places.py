"""Where the benchmarks keep their operations, and how they fill a place fast."""

import asyncio
import contextlib
import functools
import itertools
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import psycopg

from benchmarks.stores.records import REQUEST, records
from longrunning import MemoryStore, PostgresStore, SQLiteStore, Store
from longrunning.lifecycle import Record
from longrunning.stores.rows import WRITTEN, written
from tests.longrunning.stores.postgres_server import PostgresServer


@contextlib.contextmanager
def places() -> Iterator[dict[str, str]]:
    """Returns a folder for SQLite and the URL of a PostgreSQL that was started for this."""
    with tempfile.TemporaryDirectory(prefix="lro-bench-") as folder, PostgresServer() as server:
        yield {"sqlite": folder, "postgres": server.url}


def new_store(kind: str, places: dict[str, str], name: str) -> Store:
    """Returns a store in a fresh place."""
    if kind == "memory":
        return MemoryStore()
    if kind == "sqlite":
        return SQLiteStore(Path(places["sqlite"]) / f"{name}.db")
    return PostgresStore(places["postgres"], schema=name)


async def fill(store: Store, count: int, made: Iterable[Record] | None = None) -> None:
    """Adds operations, past the store's own way to write them one by one.

    Args:
        store: an open one.
        count: how many.
        made: they, in place of those of `records`.
    """
    columns = (*WRITTEN, "request")
    rows = ((*written(record), REQUEST) for record in made or records(count))
    if isinstance(store, SQLiteStore):
        values = ", ".join("?" * len(columns))
        insert = f"INSERT INTO operations ({', '.join(columns)}) VALUES ({values})"
        while chunk := list(itertools.islice(rows, 50_000)):
            await store.write(functools.partial(_insert, insert, chunk))
        # What a file is like after a quiet minute.
        await asyncio.to_thread(_checkpoint, store.url.removeprefix("sqlite:///"))
    else:
        address, _, schema = store.url.partition("&schema=")
        table = f"{schema}.operations"
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as connection:
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            async with connection.cursor().copy(statement) as copy:
                for row in rows:
                    await copy.write_row(row)
            await connection.execute(f"VACUUM ANALYZE {table}")


def _checkpoint(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _insert(statement: str, rows: list[tuple], connection: sqlite3.Connection) -> int:
    return connection.executemany(statement, rows).rowcount
