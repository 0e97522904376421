"""The mapped WAL index: which file it is, and that having it open costs SQLite no lock."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from longrunning import SQLiteStore
from longrunning.stores.sqlite import wal_index
from longrunning.stores.sqlite.wal_index import WalIndex
from tests.longrunning.stores.records import NOW, new_record
from tests.longrunning.stores.sqlite_process import SQLiteProcess


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operations.db"


@pytest.fixture
def other(path: Path) -> Iterator[SQLiteProcess]:
    """Another process that has the file open."""
    with SQLiteProcess(path) as process:
        process.does("read", "anything")
        yield process


@contextlib.contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else in this process."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def opened(path: Path) -> SQLiteStore:
    store = SQLiteStore(path)
    await store.open()
    return store


def descriptors(path: Path) -> list[int]:
    """Which descriptors this process has of a file's WAL index, SQLite's own among them."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(descriptor.readlink()).startswith(f"{path}-shm"):
                found.append(int(descriptor.name))
    return found


class Careless(WalIndex):
    """What a mapped file costs that is closed when the last store has left it."""

    def close_if_removed(self) -> bool:
        if not self._users:
            os.close(self._descriptor)
        return not self._users


@pytest.fixture(params=["as it is", "careless"])
def careless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Shows that the tests of locks can fail: whether the descriptor is closed carelessly."""
    if request.param == "careless":
        monkeypatch.setattr(wal_index, "WalIndex", Careless)
    return bool(request.param == "careless")


async def test_a_store_that_closes_leaves_another_connection_its_lock(
    path: Path, other: SQLiteProcess, careless: bool
) -> None:
    store = await opened(path)
    with connected(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert other.does("lock") == "False"
        await store.close()
        assert other.does("lock") == str(careless)
        connection.execute("ROLLBACK")
        assert other.does("lock") == "True"


async def test_a_store_that_closes_leaves_a_heart_its_locks(
    path: Path, other: SQLiteProcess, careless: bool
) -> None:
    store = await opened(path)
    heart = store.heart()
    heart.beat("worker", now=NOW, lease=NOW)
    assert heart._connection
    heart._connection.execute("BEGIN IMMEDIATE")
    await store.close()
    assert other.does("lock") == str(careless)
    heart.close()


async def test_a_store_that_closes_leaves_another_store_its_locks(
    path: Path, other: SQLiteProcess
) -> None:
    store, another = await opened(path), await opened(path)
    held = []

    def hold(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE held (what TEXT) STRICT")
        held.append(other.does("lock"))
        another._reader.close()
        held.append(other.does("lock"))

    await store.write(hold)
    assert held == ["False", "False"]
    assert other.does("lock") == "True"
    await another.close()
    await store.close()


async def test_stores_that_open_and_close_leave_another_connection_its_lock(
    path: Path, other: SQLiteProcess
) -> None:
    store = await opened(path)
    with connected(path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM operations").fetchone()
        for _ in range(3):
            another = await opened(path)
            await another.create(new_record(), b"")
            await another.close()
        # A reader that has lost its lock is in nobody's way.
        assert other.does("sql PRAGMA wal_checkpoint(TRUNCATE)").startswith("(1,")
        connection.execute("ROLLBACK")
        assert other.does("sql PRAGMA wal_checkpoint(TRUNCATE)").startswith("(0,")
    await store.close()


async def test_the_file_is_open_once_for_all_stores_of_a_process(path: Path) -> None:
    stores = [await opened(path) for _ in range(3)]
    assert len(descriptors(path)) == 2  # SQLite's and ours
    for store in stores:
        await store.close()
    assert descriptors(path) == []


async def test_a_file_that_others_use_stays_open_and_is_used_again(
    path: Path, other: SQLiteProcess
) -> None:
    for _ in range(3):
        store = await opened(path)
        assert len(descriptors(path)) == 2
        await store.close()
        (ours,) = descriptors(path)
        assert os.get_inheritable(ours) is False
    other.process.kill()
    other.process.wait()
    store = await opened(path)  # a killed process removes nothing
    await store.close()
    assert descriptors(path) == []


async def test_a_file_that_others_removed_is_closed_by_the_next_store(path: Path) -> None:
    store = await opened(path)
    with connected(path) as connection:
        connection.execute("SELECT count(*) FROM operations").fetchone()
        await store.close()
    assert len(descriptors(path)) == 1
    another = await opened(path)
    assert len(descriptors(path)) == 2
    await another.close()
    assert descriptors(path) == []


@pytest.mark.parametrize("mode", ["delete", "truncate", "memory"])
def test_a_file_without_a_log_has_none(path: Path, mode: str) -> None:
    with connected(path) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        connection.execute("CREATE TABLE songs (title TEXT)")
        path.with_name(f"{path.name}-shm").write_bytes(bytes(32768))  # left by somebody
        assert WalIndex.of(connection) is None


def test_a_database_without_a_file_has_none() -> None:
    with connected(Path(":memory:")) as connection:
        assert WalIndex.of(connection) is None


def test_a_log_whose_index_is_in_no_file_has_none(path: Path) -> None:
    with connected(path) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE songs (title TEXT)")
        assert WalIndex.of(connection) is None


def test_the_file_of_a_link_is_found(path: Path) -> None:
    link = path.with_name("link.db")
    link.symlink_to(path)
    with connected(path) as connection, connected(link) as linked:
        connection.execute("PRAGMA journal_mode = WAL")
        linked.execute("CREATE TABLE songs (title TEXT)")
        index = WalIndex.of(linked)
        assert index
        before = index.header.raw
        connection.execute("CREATE TABLE albums (title TEXT)")
        assert index.header.raw != before
    index.leave()


async def test_the_path_of_a_file_need_not_be_utf_8(tmp_path: Path) -> None:
    store = await opened(tmp_path / os.fsdecode(b"op\xe9rations.db"))
    assert store._reader._wal_index
    record = await store.create(new_record(), b"")
    assert await store.get(record.name) == record
    await store.close()


async def test_a_store_without_an_index_reads_each_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WalIndex, "of", lambda connection: None)
    store = await opened(path)
    record = await store.create(new_record(), b"")
    statements: list[str] = []
    store._reader._connection.set_trace_callback(statements.append)
    assert await store.get(record.name) == await store.get(record.name) == record
    assert len(statements) == 2
    await store.close()
