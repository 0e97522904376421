"""Where the benchmarks keep their operations, and how they fill a place fast."""

import asyncio
import contextlib
import functools
import itertools
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

from longrunning import MemoryStore, PostgresStore, SQLiteStore, Store
from longrunning.identifiers import IdFactory
from longrunning.lifecycle import Record, State
from longrunning.stores.rows import WRITTEN, written
from tests.longrunning.stores.postgres_server import PostgresServer

PARENT = "projects/p/locations/l"
OTHERS = [f"projects/p{number}/locations/l" for number in range(9)]

_METADATA = any_pb2.Any(type_url="type.googleapis.com/bench.Progress", value=b"x" * 120)
_RESPONSE = any_pb2.Any(type_url="type.googleapis.com/bench.Result", value=b"x" * 60)
_ERROR = status_pb2.Status(code=13, message="It broke.")
_STATES = [State.SUCCEEDED] * 8 + [State.FAILED, State.RUNNING]


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


def records(count: int) -> Iterator[Record]:
    """Yields operations of half a kilobyte: six in ten of one parent, nine in ten of them done."""
    new_id, now = IdFactory(), time.time_ns() // 1000 - count * 1000
    for number in range(count):
        now += 1000
        identity = new_id(now)
        parent = PARENT if number % 10 < 6 else OTHERS[number // 10 % 9]
        state = _STATES[number * 7 // 3 % 10]
        name = f"{parent}/operations/{identity}"
        operation = operations_pb2.Operation(name=name, metadata=_METADATA, done=state.done)
        if state is State.SUCCEEDED:
            operation.response.CopyFrom(_RESPONSE)
        elif state is State.FAILED:
            operation.error.CopyFrom(_ERROR)
        yield Record(
            name=name, id=identity, parent=parent, method="bench.Scanner/Scan", handler="scan",
            caller="", request_id="", request_digest=b"d" * 32, state=state, revision=3, attempt=1,
            owner="" if state.done else "worker", create_time=now, update_time=now,
            expire_time=now + 10**13 if state.done else 0, retention=10**13,
            operation=operation.SerializeToString(),
        )  # fmt: skip


async def fill(store: Store, count: int) -> None:
    """Adds operations, past the store's own way to write them one by one."""
    columns = (*WRITTEN, "request")
    rows = ((*written(record), b"request" * 20) for record in records(count))
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
