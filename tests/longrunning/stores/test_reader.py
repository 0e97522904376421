"""Reads by name that are kept: whoever commits, the next read shows it."""

import asyncio
import random
import signal
import sqlite3
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import any_pb2

from longrunning import SQLiteStore, Unavailable
from longrunning.lifecycle import Record
from longrunning.stores.rows import record_of
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.opening import open_file
from longrunning.stores.sqlite.reader import Reader
from tests.longrunning.stores.records import new_record, succeeded
from tests.longrunning.stores.sqlite_process import SQLiteProcess

ROUNDS = 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operations.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    opened = SQLiteStore(path)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def other(path: Path, store: SQLiteStore) -> Iterator[SQLiteProcess]:
    """Another process that has the file open as well."""
    with SQLiteProcess(path) as process:
        yield process


async def created(store: SQLiteStore, **fields: object) -> Record:
    return await store.create(new_record(**fields), b"")  # type: ignore[arg-type]


def next_revision(record: Record) -> Record:
    changed = record.operation + b"\x12\x00"
    return replace(record, revision=record.revision + 1, operation=changed)


def in_the_file(path: Path, name: str) -> Record | None:
    """What SQLite itself says, with nothing kept."""
    connection = sqlite3.connect(path)
    try:
        row = connection.execute(queries.GET, (name,)).fetchone()
    finally:
        connection.close()
    return None if row is None else record_of(row)


async def test_what_nobody_changed_is_the_same_object(store: SQLiteStore) -> None:
    record = await created(store)
    first = await store.get(record.name)
    assert first == record
    assert await store.get(record.name) is first
    await created(store)
    assert await store.get(record.name) is first  # only compared with the file


async def test_what_nobody_changed_is_not_read_again(store: SQLiteStore) -> None:
    record = await created(store)
    await store.get(record.name)
    statements: list[str] = []
    store._reader._connection.set_trace_callback(statements.append)
    await store.get(record.name)
    assert statements == []
    await created(store)
    await store.get(record.name)
    assert len(statements) == 1


async def test_each_replace_of_another_process_is_seen(
    store: SQLiteStore, other: SQLiteProcess
) -> None:
    record = await created(store)
    for revision in range(2, ROUNDS + 2):
        before = await store.get(record.name)
        assert before
        assert before.revision == revision - 1
        assert other.does("replace", record.name) == str(revision)
        after = await store.get(record.name)
        assert after
        assert after.revision == revision
        assert after.operation == before.operation + b"\x12\x00"


async def test_each_create_and_delete_of_another_process_is_seen(
    store: SQLiteStore, other: SQLiteProcess
) -> None:
    for _ in range(ROUNDS):
        name = other.does("create")
        assert await store.get(name)
        assert await store.get(name)
        assert other.does("delete", name) == "True"
        assert await store.get(name) is None


async def test_each_purge_of_another_process_is_seen(
    store: SQLiteStore, other: SQLiteProcess
) -> None:
    for _ in range(ROUNDS // 4):
        record = await created(store)
        assert await store.get(record.name) == record
        assert other.does("expire", record.name) == "1"
        assert await store.get(record.name) is None


async def test_a_name_that_was_absent_is_seen_when_it_is_there(store: SQLiteStore) -> None:
    record = new_record()
    assert await store.get(record.name) is None
    await store.create(record, b"")
    assert await store.get(record.name) == record


async def test_a_name_that_is_given_again_shows_the_new_operation(store: SQLiteStore) -> None:
    first = await created(store)
    await store.get(first.name)
    await store.delete(first.name)
    second = await created(store, name=first.name, caller="another")
    assert await store.get(first.name) == second


async def test_each_changing_column_is_read_again(store: SQLiteStore) -> None:
    record = await created(store)
    assert await store.get(record.name) == record
    done = succeeded(record)
    done = replace(done, revision=2, expire_time=5, deadline=6, owner="worker", attempt=3)
    assert await store.replace(done)
    assert await store.get(record.name) == done


async def test_two_stores_of_a_process_see_each_other(path: Path, store: SQLiteStore) -> None:
    another = SQLiteStore(path)
    await another.open()
    record = await created(store)
    for _ in range(200):
        for writing, reading in ((store, another), (another, store)):
            assert await reading.get(record.name) == record
            record = next_revision(record)
            assert await writing.replace(record)
            assert await reading.get(record.name) == record
            assert await writing.get(record.name) == record
    await another.close()
    assert await store.get(record.name) == record


async def test_stores_on_loops_of_their_own_see_each_other(path: Path, store: SQLiteStore) -> None:
    record = await created(store)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    another = SQLiteStore(path)
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(another.open(), loop))
    for _ in range(200):
        assert await store.get(record.name) == record
        record = next_revision(record)
        writing = asyncio.run_coroutine_threadsafe(another.replace(record), loop)
        assert await asyncio.to_thread(writing.result)
        assert await store.get(record.name) == record
    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(another.close(), loop))
    loop.call_soon_threadsafe(loop.stop)
    await asyncio.to_thread(thread.join)
    loop.close()


@pytest.mark.parametrize(
    "what",
    [
        "sql PRAGMA wal_checkpoint(PASSIVE)",
        "sql PRAGMA wal_checkpoint(RESTART)",
        "sql PRAGMA wal_checkpoint(TRUNCATE)",
        "sql VACUUM",
        "scribble",
    ],
)
async def test_what_happens_to_the_log_hides_no_change(
    path: Path, store: SQLiteStore, other: SQLiteProcess, what: str
) -> None:
    record = await created(store)
    for _ in range(20):
        for before in (True, False):
            kept = await store.get(record.name)
            if before:
                other.does(what)
            revision = other.does("replace", record.name)
            if not before:
                other.does(what)
            found = await store.get(record.name)
            assert kept
            assert found == in_the_file(path, record.name)
            assert found
            assert str(found.revision) == revision


async def test_a_killed_writer_hides_no_change(path: Path, store: SQLiteStore) -> None:
    record = await created(store)
    for _ in range(10):
        with SQLiteProcess(path) as other:
            assert other.process.stdin
            other.does("read", record.name)
            other.process.stdin.write(f"replace {record.name}\n" * 500)
            other.process.stdin.flush()
            for _ in range(random.randrange(2000)):
                found = await store.get(record.name)
            other.process.send_signal(signal.SIGKILL)
            other.process.wait()
        found = await store.get(record.name)
        assert found == in_the_file(path, record.name)
        assert found == await store.get(record.name)


def _store(path: Path) -> "_Opened":
    return _Opened(path)


class _Opened:
    """A store, open within a block."""

    def __init__(self, path: Path) -> None:
        self._store = SQLiteStore(path)

    async def __aenter__(self) -> SQLiteStore:
        await self._store.open()
        return self._store

    async def __aexit__(self, *exception: object) -> None:
        await self._store.close()


async def test_a_store_that_is_opened_again_reads_what_is_there_now(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    record = await created(store)
    assert await store.get(record.name) == record
    await store.close()
    with pytest.raises(Unavailable):
        await store.get(record.name)
    with SQLiteProcess(path) as other:
        other.does("replace", record.name)
        await store.open()
        found = await store.get(record.name)
        assert found
        assert found.revision == 2
        other.does("replace", record.name)
        found = await store.get(record.name)
        assert found
        assert found.revision == 3
    await store.close()


async def test_a_file_that_was_replaced_meanwhile_is_read_anew(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    record = await created(store)
    assert await store.get(record.name) == record
    await store.close()
    async with _store(path.with_name("another.db")) as another:
        await created(another)
    path.with_name("another.db").replace(path)
    await store.open()
    assert await store.get(record.name) is None
    await store.close()


def kept(reader: Reader) -> list[str]:
    return list(reader._kept)


@pytest.fixture
async def full(path: Path) -> list[Record]:
    """A file with a hundred operations of ten kilobytes and texts that are wide in Python."""
    records = [
        new_record(metadata=any_pb2.Any(value=b"o" * 10_000), caller="\U0001f600" * 255)
        for _ in range(100)
    ]
    async with _store(path) as store:
        for record in records:
            await store.create(record, b"")
    return records


@pytest.fixture
def connection(path: Path, full: list[Record]) -> Iterator[sqlite3.Connection]:
    opened = open_file(path, "never", 1.0)
    opened.writing.execute("UPDATE secrets SET value = value")  # a log with something in it
    yield opened.reading
    opened.listing.close()
    opened.writing.close()


def test_what_is_kept_is_bounded_in_bytes(
    full: list[Record], connection: sqlite3.Connection
) -> None:
    reading = Reader(connection, max_bytes=200_000)
    for record in full * 2:
        assert reading.get(record.name) == record
        assert reading.size <= 200_000
        assert set(reading._current) <= set(kept(reading))
    assert kept(reading) == [record.name for record in full[-len(kept(reading)) :]]
    assert len(kept(reading)) > 10
    reading.close()


def test_what_is_kept_takes_no_more_than_is_counted(
    full: list[Record], connection: sqlite3.Connection
) -> None:
    reading = Reader(connection)
    reading.get("")  # prepares what it needs
    tracemalloc.start()
    for record in full:
        reading.get(record.name)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept(reading)) == len(full)
    assert 0.8 * reading.size < taken <= reading.size
    reading.close()


def test_what_is_larger_than_the_bound_is_read_and_not_kept(
    full: list[Record], connection: sqlite3.Connection
) -> None:
    reading = Reader(connection, max_bytes=5_000)
    assert reading.get(full[0].name) == full[0]
    assert (kept(reading), reading._current, reading.size) == ([], {}, 0)
    reading.close()


async def test_sizes_of_what_changed_or_went_are_not_counted_twice(store: SQLiteStore) -> None:
    record = await created(store)
    await store.get(record.name)
    size = store._reader.size
    longer = next_revision(record)
    await store.replace(longer)
    await store.get(record.name)
    assert store._reader.size == size + 2
    await store.delete(record.name)
    await store.get(record.name)
    assert store._reader.size == 0
