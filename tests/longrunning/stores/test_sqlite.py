"""The SQLite store: its file, its migrations, and what can happen to both."""

import asyncio
import contextlib
import logging
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from longrunning import ResourceExhausted, SQLiteStore, StoreError, Unavailable
from longrunning.stores import Query
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.opening import APPLICATION_ID
from longrunning.stores.sqlite.writer import Writer
from tests.longrunning.stores.records import claimed, new_record

EVERYTHING = Query(parent=None, limit=100_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "operations.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    opened = SQLiteStore(path, busy_timeout=0.2)
    await opened.open()
    yield opened
    await opened.close()


async def opened_once(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    await store.close()


async def refusal(path: Path, **options: object) -> str:
    """What an operator is told whose file does not open."""
    with pytest.raises(StoreError) as refused:
        await SQLiteStore(path, **options).open()  # type: ignore[arg-type]
    return str(refused.value)


@contextlib.contextmanager
def by_hand(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def allow(mode: int, *paths: Path) -> None:
    for path in paths:
        path.chmod(mode)


# The file


async def test_the_file_is_ours_in_wal_and_whole(path: Path) -> None:
    await opened_once(path)
    with by_hand(path) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    assert (application, mode, verdict) == (APPLICATION_ID, "wal", "ok")


async def test_closing_leaves_one_file(path: Path) -> None:
    await opened_once(path)
    assert [file.name for file in path.parent.iterdir()] == ["operations.db"]


async def test_every_commit_is_synced(store: SQLiteStore) -> None:
    level = await store.write(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])
    assert level == 2  # FULL


async def test_readers_cannot_write(store: SQLiteStore) -> None:
    with pytest.raises(Unavailable):
        await store.select("DELETE FROM operations RETURNING *", ())


def test_the_url_names_the_file() -> None:
    assert SQLiteStore("some/operations.db").url == "sqlite:///some/operations.db"


async def test_another_applications_database_is_refused_and_left_alone(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    before = content(path)
    assert await refusal(path) == f"{path} is another application's database; name another file"
    assert content(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


async def test_an_application_id_of_another_is_refused(path: Path) -> None:
    with by_hand(path) as connection:
        connection.execute("PRAGMA application_id = 7")
    assert "another application's" in await refusal(path)


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    overwrite(path, b"a letter, and not a short one" * 100)
    assert await refusal(path) == (
        f"{path} is not a SQLite database; name another file, or move this one away"
    )


async def test_a_damaged_file_is_refused_or_named(path: Path) -> None:
    await opened_once(path)
    whole = content(path)
    overwrite(path, whole[:100] + b"\xff" * (4096 - 100) + whole[4096:])  # the page of the schema
    assert "is a damaged SQLite database; restore it from a backup" in await refusal(path)


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "operations.db"
    assert await refusal(path) == (
        f"{path} cannot be opened; its directory must exist and be writable"
    )


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder that an unprivileged user can reach."""
    with tempfile.TemporaryDirectory(prefix="lro-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write everywhere: be nobody for a while, if we are root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_an_unwritable_directory_is_named(nobodys_folder: Path) -> None:
    allow(0o555, nobodys_folder)
    with unprivileged():
        said = await refusal(nobodys_folder / "operations.db")
    allow(0o755, nobodys_folder)
    assert said.endswith("cannot be opened; its directory must exist and be writable")


async def test_a_read_only_file_is_named(nobodys_folder: Path) -> None:
    path = nobodys_folder / "operations.db"
    await opened_once(path)
    allow(0o444, path)
    allow(0o555, nobodys_folder)
    with unprivileged():
        said = await refusal(path)
    allow(0o755, nobodys_folder)
    assert said.endswith("is not writable; the file and its directory both have to be")


async def test_a_file_that_somebody_locks_is_named(path: Path) -> None:
    await opened_once(path)
    with by_hand(path) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        assert await refusal(path, busy_timeout=0.1) == f"{path} is locked by another process"
        other.execute("ROLLBACK")


async def test_writes_wait_for_a_lock_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longrunning.stores.sqlite.writer._LARGEST_COMMIT", 1)
    store = SQLiteStore(path, busy_timeout=1.0)
    await store.open()
    with by_hand(path) as other:
        other.execute("BEGIN IMMEDIATE")
        writes = [asyncio.ensure_future(store.create(new_record(), b"")) for _ in range(60)]
        async with asyncio.timeout(30):  # and not 60 times 1 s
            outcomes = await asyncio.gather(*writes, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {Unavailable}
        other.execute("ROLLBACK")
    await store.create(new_record(), b"")
    await store.close()


@contextlib.contextmanager
def written_all_the_time(path: Path) -> Iterator[threading.Event]:
    """Somebody writes to the file on a slow disk, and lets go of it for moments only."""
    is_held, ended = threading.Event(), threading.Event()

    def write() -> None:
        with by_hand(path) as other:
            other.execute("PRAGMA busy_timeout = 60000")
            while not ended.is_set():
                other.execute("BEGIN IMMEDIATE")
                is_held.set()
                time.sleep(0.095)
                is_held.clear()
                other.execute("COMMIT")
                time.sleep(0.005)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield is_held
    finally:
        ended.set()
        writing.join()


async def test_writers_and_hearts_have_their_turn_beside_one_who_always_writes(path: Path) -> None:
    store = SQLiteStore(path, busy_timeout=2.0)
    await store.open()

    def beat(is_held: threading.Event) -> None:
        with contextlib.closing(store.worklist.heart()) as heart:
            for _ in range(10):
                is_held.wait()
                heart.beat("me", now=0, lease=1)

    with written_all_the_time(path) as is_held:
        for _ in range(10):
            await asyncio.to_thread(is_held.wait)
            await store.create(new_record(), b"")
        await asyncio.to_thread(beat, is_held)
    await store.close()


RECOVER = """
import fcntl, sys
with open(sys.argv[1] + "-shm", "r+b", buffering=0) as index:
    header = index.read(48)
    fcntl.lockf(index, fcntl.LOCK_EX, 3, 120)  # of writers, of checkpoints and of the recovery
    index.seek(0)
    index.write(bytes(48))
    print(flush=True)
    sys.stdin.readline()
    index.seek(0)
    index.write(header)
"""


@contextlib.contextmanager
def recovered_for_a_moment(path: Path) -> Iterator[None]:
    """Another process makes the WAL index anew, as after one that was killed in a commit.

    Nobody else can even read meanwhile. Spec: `wal.c` of SQLite, `walIndexReadHdr`.
    """
    command = [sys.executable, "-c", RECOVER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline()
        release = threading.Timer(0.1, other.communicate)
        release.start()
        try:
            yield
        finally:
            release.join()


async def test_everybody_waits_for_a_recovery(path: Path) -> None:
    store = SQLiteStore(path, busy_timeout=30)
    await store.open()
    with contextlib.closing(store.worklist.heart()) as heart:
        with recovered_for_a_moment(path):
            heart.beat("me", now=0, lease=1)
        with recovered_for_a_moment(path):
            heart.beat("me", now=0, lease=1)
    with recovered_for_a_moment(path):
        await store.create(new_record(), b"")
    other = SQLiteStore(path, busy_timeout=30)
    with recovered_for_a_moment(path):
        await other.open()
    await other.close()
    with recovered_for_a_moment(path):
        connection = sqlite3.connect(path, timeout=0, check_same_thread=False)
        writer = Writer(connection, lambda _: None, 30)
    await writer.close()
    await store.close()


async def test_a_store_opens_beside_one_who_always_writes(path: Path) -> None:
    await opened_once(path)
    with written_all_the_time(path) as is_held:
        for _ in range(10):
            await asyncio.to_thread(is_held.wait)
            store = SQLiteStore(path)
            await store.open()
            await store.close()


# Migrations


def rewrite_ledger(path: Path, version: int, oldest_reader: int) -> None:
    with by_hand(path) as connection:
        connection.execute("INSERT INTO migrations VALUES (?, ?)", (version, oldest_reader))


async def test_a_database_that_only_newer_versions_read_is_refused(path: Path) -> None:
    await opened_once(path)
    rewrite_ledger(path, 99, 98)
    assert await refusal(path) == (
        f"{path} was written by a newer longrunning (schema 99, readable from schema 98 on); "
        "this one knows schema 2: upgrade longrunning"
    )


async def test_a_newer_database_that_allows_us_is_served(path: Path) -> None:
    """Half of a rolling deployment: the new processes have migrated, we are the old ones."""
    await opened_once(path)
    rewrite_ledger(path, 99, 1)
    for migrate in ("auto", "never"):
        store = SQLiteStore(path, migrate=migrate)
        await store.open()
        record = new_record()
        await store.create(record, b"")
        assert await store.get(record.name) == record
        await store.close()


def test_a_store_that_may_not_migrate_makes_no_file(path: Path) -> None:
    said = asyncio.run(refusal(path, migrate="never"))
    assert said == f"{path} is not there: run 'lro migrate'"
    assert not path.exists()


async def test_a_store_that_may_not_migrate_says_who_can(path: Path) -> None:
    await asyncio.to_thread(path.touch)
    assert await refusal(path, migrate="never") == (
        f"{path} has no tables yet, and this longrunning needs schema 2: run 'lro migrate'"
    )
    store = SQLiteStore(path, migrate="never")
    migrated = await store.migrate()
    assert (migrated.before, migrated.after) == (0, 2)
    migrated = await store.migrate()
    assert (migrated.before, migrated.after) == (2, 2)
    await store.open()
    await store.close()


async def test_a_migration_that_fails_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from longrunning.stores import migrations

    step = migrations.Migration(version=1, oldest_reader=1, sql="CREATE TABLE a (b);\nCREATE;\n")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "load", lambda _: [step])
        assert "cannot be used as a store" in await refusal(path)
    await opened_once(path)


async def test_many_processes_may_open_a_new_file_at_once(path: Path) -> None:
    stores = [SQLiteStore(path) for _ in range(12)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({store.page_token_key for store in stores}) == 1
    for store in stores:
        await store.close()


# Two processes on one file

_WRITING_PROCESS = """
import asyncio, sys
from longrunning import SQLiteStore
from tests.longrunning.stores.records import claimed, new_record

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    async def lifecycle():
        record = new_record(parent="of/theother")
        await store.create(record, b"")
        assert await store.replace(claimed(record))
    for _ in range(20):
        await asyncio.gather(*(lifecycle() for _ in range(20)))
    await store.close()

asyncio.run(main())
"""


async def test_two_processes_write_one_file(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITING_PROCESS, str(path), stderr=subprocess.PIPE
    )
    ours = 0
    while other.returncode is None and ours < 100_000:
        record = new_record(parent="of/us")
        await store.create(record, b"")
        assert await store.replace(claimed(record))
        ours += 1
        await asyncio.sleep(0)
    _, said = await other.communicate()
    assert other.returncode == 0, said.decode()
    theirs = await store.list(Query(parent="of/theother", limit=1000))
    mine = await store.list(Query(parent="of/us", limit=100_000))
    assert len(theirs.records) == 400
    assert len(mine.records) == ours > 0
    assert {record.revision for record in theirs.records} == {2}
    await store.close()
    with by_hand(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_watcher_hears_of_another_process_and_not_twice_of_its_own(path: Path) -> None:
    first, second = SQLiteStore(path), SQLiteStore(path)
    await first.open()
    await second.open()
    told: list[object] = []
    heard = asyncio.Event()
    unwatch = first.watch(lambda names: (told.append(names), heard.set()))
    for _ in range(3):
        await first.create(new_record(), b"")
    assert None not in told
    await second.create(new_record(), b"")
    async with asyncio.timeout(5):
        while None not in told:
            heard.clear()
            await heard.wait()
    unwatch()
    await first.close()
    await second.close()


async def test_a_long_queue_of_other_handlers_is_not_in_the_way(store: SQLiteStore) -> None:
    """Each step of the look-up goes by an index on the handler."""
    values = {"handlers": "[]", "limit": 1}
    plan = await store.write(
        lambda c: c.execute(f"EXPLAIN QUERY PLAN {queries.PENDING}", values).fetchall()
    )
    details = [row[3] for row in plan]
    assert any("USING INDEX operations_pending (handler=?)" in each for each in details)
    scans = [each for each in details if each.startswith("SCAN operations")]
    assert scans == [
        "SCAN operations USING INDEX operations_under_way"
    ]  # what is claimed with a key


async def test_each_look_up_of_a_claim_goes_by_an_index_of_the_unfinished(
    store: SQLiteStore,
) -> None:
    plan = await store.write(
        lambda c: c.execute(f"EXPLAIN QUERY PLAN {queries.OLDEST}", ("a", 1)).fetchall()
    )
    details = " | ".join(row[3] for row in plan)
    assert "SEARCH operations USING INDEX operations_pending (handler=?)" in details
    assert "SEARCH other USING INDEX operations_conflicting (conflict_key=? AND id<?)" in details
    assert "SCAN operations USING INDEX operations_under_way" in details
    assert "TEMP B-TREE" not in details


# Faults: each is named to the caller, loses nothing that was acknowledged, and passes by itself


async def test_a_lock_of_another_process_is_unavailable_until_it_goes(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    acknowledged = new_record()
    await store.create(acknowledged, b"")
    refused = new_record()
    told: list[object] = []
    unwatch = store.watch(told.append)
    with by_hand(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as error:
            await store.create(refused, b"")
        assert error.value.message == "The store cannot serve this now."
        assert await store.get(acknowledged.name) == acknowledged  # readers are not in its way
        other.execute("ROLLBACK")
    assert await store.get(refused.name) is None
    await store.create(refused, b"")
    assert await store.get(refused.name) == refused
    assert [refused.name] in [list(names) for names in told if names]
    unwatch()


async def test_a_full_disk_is_resource_exhausted_until_there_is_room(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    acknowledged = [new_record() for _ in range(10)]
    for record in acknowledged:
        await store.create(record, b"")
    (pages,) = await store.write(lambda c: c.execute("PRAGMA page_count").fetchone())
    await store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    large = new_record()
    with pytest.raises(ResourceExhausted) as refused:
        await store.create(large, b"x" * 500_000)
    assert refused.value.reason == "STORE_FULL"
    assert await store.get(large.name) is None
    page = await store.list(EVERYTHING)
    assert list(page.records) == acknowledged[::-1]

    await store.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await store.create(large, b"x" * 500_000)
    assert await store.get(large.name) == large


async def test_writes_that_fail_together_with_a_full_disk_all_say_so(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    (pages,) = await store.write(lambda c: c.execute("PRAGMA page_count").fetchone())
    await store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    records = [new_record() for _ in range(40)]
    results = await asyncio.gather(
        *(store.create(record, b"x" * 20_000) for record in records), return_exceptions=True
    )
    for record, result in zip(records, results, strict=True):
        if isinstance(result, BaseException):
            assert isinstance(result, ResourceExhausted)
            assert await store.get(record.name) is None
        else:
            assert await store.get(record.name) == record
    assert any(isinstance(result, ResourceExhausted) for result in results)


async def test_a_failing_write_to_the_file_is_unavailable_until_it_works(
    store: SQLiteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The operating system refuses to let the log grow: an I/O error in the middle of a commit."""
    caplog.set_level(logging.CRITICAL)
    acknowledged = new_record()
    await store.create(acknowledged, b"")
    refused = new_record()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.with_name("operations.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 8192, hard))
    try:
        with pytest.raises((Unavailable, ResourceExhausted)):
            await store.create(refused, b"x" * 500_000)
        assert await store.get(acknowledged.name) == acknowledged
        assert await store.get(refused.name) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    await store.create(refused, b"x" * 500_000)
    assert await store.get(refused.name) == refused


async def test_a_file_that_becomes_read_only_is_unavailable_until_it_is_not(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    acknowledged, refused = new_record(), new_record()
    await store.create(acknowledged, b"")
    await store.write(lambda c: c.execute("PRAGMA query_only = ON"))
    with pytest.raises(Unavailable):
        await store.create(refused, b"")
    assert await store.get(acknowledged.name) == acknowledged
    store._writer._put(lambda c: c.execute("PRAGMA query_only = OFF"), None, writes=False)
    await store.create(refused, b"")
    assert await store.get(refused.name) == refused


async def test_an_error_of_one_write_spares_the_others_of_its_commit(store: SQLiteStore) -> None:
    taken = new_record()
    await store.create(taken, b"")
    records = [new_record(), taken, new_record()]
    results = await asyncio.gather(
        *(store.create(record, b"") for record in records), return_exceptions=True
    )
    assert [type(result).__name__ for result in results] == ["Record", "AlreadyExists", "Record"]
    listed = (await store.list(EVERYTHING)).records
    assert list(listed) == [records[2], records[0], taken]


class FailingEnds:
    """A connection on which a commit fails, and then the end of its transaction too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.failing = ["COMMIT", "ROLLBACK"]

    def __getattr__(self, name: str) -> object:
        return getattr(self.connection, name)

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if statement in self.failing:
            self.failing.remove(statement)
            raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(statement, *values)


async def test_a_transaction_that_could_not_be_ended_is_ended_before_the_next(
    store: SQLiteStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    refused, accepted = new_record(), new_record()
    store._writer._connection = FailingEnds(store._writer._connection)  # type: ignore[assignment]
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable):
            await store.create(refused, b"")
        await store.create(accepted, b"")
    assert await store.get(refused.name) is None
    assert await store.get(accepted.name) == accepted
