"""The PostgreSQL store: its schema, its migrations, its connections, and what happens to them."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import quote

import psycopg
import pytest

from longrunning import (
    Operations,
    PostgresStore,
    ResourceExhausted,
    StoreError,
    Unavailable,
    lifecycle,
)
from longrunning.stores import Query, store_from_url
from longrunning.stores.postgres.database import Database
from longrunning.stores.postgres.notices import payloads
from tests.longrunning.stores.connection_cutter import ConnectionCutter
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.records import DAY, NOW, claimed, new_record, packed
from tests.longrunning.stores.storages import PostgresSchema

MakeStore = Callable[..., PostgresStore]


@pytest.fixture
def place(postgres: PostgresServer) -> Iterator[PostgresSchema]:
    made = PostgresSchema(postgres)
    yield made
    made.remove()


@pytest.fixture
async def store(place: PostgresSchema) -> AsyncIterator[PostgresStore]:
    async with opened(place.store()) as store:
        yield store


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The pool warns of every connection that these tests cut."""
    caplog.set_level(logging.CRITICAL)


@contextlib.asynccontextmanager
async def opened(store: PostgresStore) -> AsyncIterator[PostgresStore]:
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def patient(place: PostgresSchema) -> AsyncIterator[PostgresStore]:
    """A store that a busy machine may keep waiting, for what a test needs beside a hasty one."""
    async with opened(place.store(notify=False, timeout=60.0)) as store:
        yield store


@contextlib.asynccontextmanager
async def by_hand(place: PostgresSchema) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection of somebody else, in a transaction."""
    async with await psycopg.AsyncConnection.connect(place.server.url) as connection:
        await connection.execute(f"SET search_path TO {place.schema}")
        yield connection
        await connection.rollback()


TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = 'longrunning'
"""


async def succeeds(attempt: Callable[[], object], seconds: float = 15.0) -> None:
    """Repeats what is unavailable until it works."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                await attempt()  # type: ignore[misc]
            except Unavailable:
                await asyncio.sleep(0.01)
            else:
                return


# Names and addresses


def test_the_url_shows_no_password(postgres: PostgresServer) -> None:
    store = PostgresStore("postgresql://me:secret@db.example.com:6543/ops", schema="jobs")
    assert store.url == "postgresql://me@db.example.com:6543/ops?schema=jobs"
    store = PostgresStore("host=db.example.com password=secret dbname=ops")
    assert store.url == "postgresql://db.example.com/ops?schema=longrunning"
    assert PostgresStore("host=/run/pg dbname=ops").url == (
        "postgresql:///ops?host=/run/pg&schema=longrunning"
    )


async def test_a_store_url_names_the_schema(place: PostgresSchema) -> None:
    url = f"{place.server.url}&schema={place.schema}"
    store = store_from_url(url)
    assert isinstance(store, PostgresStore)
    async with opened(store):
        record = new_record()
        await store.create(record, b"")
    async with opened(place.store()) as same:
        assert await same.get(record.name) == record
    assert store_from_url(store.url).url == store.url


def test_a_malformed_schema_is_refused() -> None:
    message = "the schema is 'a; DROP': expected at most 40 lower-case letters, digits and '_'"
    with pytest.raises(ValueError, match=message):
        PostgresStore("postgresql:///", schema="a; DROP")
    with pytest.raises(StoreError, match=message):
        store_from_url(f"postgresql:///?schema={quote('a; DROP')}")


def test_malformed_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="malformed PostgreSQL connection parameters: "):
        PostgresStore("postgresql://host/database?colour=red")


async def test_a_database_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match=r"^postgresql:///ops\?host=/nowhere&schema=longrunning "):
        await PostgresStore("host=/nowhere dbname=ops").open()


def test_without_the_extra_only_the_store_is_missing() -> None:
    code = """
import sys
sys.modules["psycopg"] = None
import longrunning, longrunning.stores
longrunning.SQLiteStore
try:
    from longrunning import PostgresStore
except ImportError as error:
    print(error)
try:
    longrunning.stores.store_from_url("postgresql://host/database")
except longrunning.StoreError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    line = "PostgresStore needs the extra 'postgres': pip install 'longrunning[postgres]'\n"
    assert ran.stdout == line * 2


def test_importing_the_stores_does_not_import_the_driver() -> None:
    code = "import sys, longrunning.stores; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Migrations


async def test_a_database_that_only_newer_versions_read_is_refused(place: PostgresSchema) -> None:
    async with opened(place.store()):
        pass
    place.server.execute(f"INSERT INTO {place.schema}.migrations VALUES (99, 98)")
    with pytest.raises(StoreError) as refused:
        await place.store().open()
    assert str(refused.value).endswith(
        "was written by a newer longrunning (schema 99, readable from schema 98 on); "
        "this one knows schema 2: upgrade longrunning"
    )


async def test_a_newer_database_that_allows_us_is_served(place: PostgresSchema) -> None:
    async with opened(place.store()):
        pass
    place.server.execute(f"INSERT INTO {place.schema}.migrations VALUES (99, 1)")
    for migrate in ("auto", "never"):
        async with opened(place.store(migrate=migrate)) as store:
            record = new_record()
            await store.create(record, b"")
            assert await store.get(record.name) == record


async def test_a_store_that_may_not_migrate_says_who_can(place: PostgresSchema) -> None:
    store = place.store(migrate="never")
    with pytest.raises(
        StoreError, match=r"has no tables yet, .* needs schema 2: run 'lro migrate'"
    ):
        await store.open()
    migrated = [await store.migrate(), await store.migrate()]
    assert [(each.before, each.after) for each in migrated] == [(0, 2), (2, 2)]
    async with opened(store):
        pass


@pytest.mark.parametrize("isolation", ["serializable", r"repeatable\ read", r"read\ committed"])
async def test_many_processes_may_open_a_new_schema_at_once(
    place: PostgresSchema, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    monkeypatch.setenv("PGOPTIONS", f"-c default_transaction_isolation={isolation}")
    stores = [place.store() for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    assert len({store.page_token_key for store in stores}) == 1
    for store in stores:
        await store.close()


async def test_a_user_without_the_right_to_create_schemas_can_use_one(
    place: PostgresSchema,
) -> None:
    server, schema = place.server, place.schema
    server.execute(f"CREATE SCHEMA {schema}")
    server.execute(f"CREATE ROLE user_of_{schema} LOGIN")
    server.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO user_of_{schema}")
    url = server.url.replace("postgres@", f"user_of_{schema}@")
    async with opened(PostgresStore(url, schema=schema)) as store:
        await store.create(new_record(), b"")
    server.drop(schema)
    with pytest.raises(StoreError, match="permission denied for database"):
        await PostgresStore(url, schema=schema).open()
    server.execute(f"DROP ROLE user_of_{schema}")


async def test_schemas_of_one_database_are_kept_apart(
    place: PostgresSchema, store: PostgresStore, postgres: PostgresServer
) -> None:
    other = PostgresSchema(postgres)
    async with opened(other.store()) as elsewhere:
        told: list[object] = []
        unwatch = elsewhere.watch(told.append)
        record = new_record()
        await store.create(record, b"")
        assert await elsewhere.get(record.name) is None
        assert elsewhere.page_token_key != store.page_token_key
        assert [record.name] not in told
        unwatch()
    other.remove()


# Leases


async def test_leases_are_judged_by_the_clock_of_the_database(store: PostgresStore) -> None:
    record = new_record()
    await store.create(record, b"")
    # Both clocks are years away from the database's.
    await store.worklist.beat("worker", now=NOW + 10_000 * DAY, lease=DAY)
    await store.replace(claimed(record, "worker"))
    assert await store.worklist.orphans(["scan"], now=0, limit=5) == []
    assert await store.worklist.orphans(["scan"], now=NOW + 20_000 * DAY, limit=5) == []
    await store.worklist.beat("worker", now=NOW + 10_000 * DAY, lease=0)
    assert await store.worklist.orphans(["scan"], now=0, limit=5) == [claimed(record, "worker")]


# Durability


async def test_what_is_acknowledged_is_on_disk_even_if_the_database_says_otherwise(
    place: PostgresSchema,
) -> None:
    place.server.execute("ALTER DATABASE postgres SET synchronous_commit = off")
    try:
        async with opened(place.store()) as store:
            assert await store._database.read("SHOW synchronous_commit") == [("on",)]
    finally:
        place.server.execute("ALTER DATABASE postgres RESET synchronous_commit")


async def test_a_stronger_setting_is_left_alone(place: PostgresSchema) -> None:
    place.server.execute("ALTER DATABASE postgres SET synchronous_commit = remote_apply")
    try:
        async with opened(place.store()) as store:
            assert await store._database.read("SHOW synchronous_commit") == [("remote_apply",)]
    finally:
        place.server.execute("ALTER DATABASE postgres RESET synchronous_commit")


# Changes that cross processes


def test_payloads_carry_all_names_within_the_limit() -> None:
    names = [f"projects/{number}/operations/{'x' * 100}" for number in range(200)]
    messages = list(payloads("me", names))
    assert all(len(message.encode()) < 8000 for message in messages)
    assert [name for message in messages for name in message.split("\n")[1:]] == names
    assert {message.split("\n")[0] for message in messages} == {"me"}


def test_too_many_names_say_that_anything_may_have_changed() -> None:
    assert list(payloads("me", [f"operations/{n:0100}" for n in range(5000)])) == ["me"]


async def heard_names(store: PostgresStore, name: str, seconds: float = 10) -> list[object]:
    """What a watcher was told, up to a name, or up to anything for `*`."""
    told: list[object] = []
    heard = asyncio.Event()
    unwatch = store.watch(lambda names: (told.append(names), heard.set()))
    async with asyncio.timeout(seconds):
        while not any(
            (names is None and name == "*") or (names and name in names) for names in told
        ):
            heard.clear()
            await heard.wait()
    unwatch()
    return told


async def test_a_change_comes_with_its_name_by_notify(
    place: PostgresSchema, store: PostgresStore
) -> None:
    async with opened(place.store()) as other:
        async with asyncio.timeout(10):
            while not store._listener.connected:
                await asyncio.sleep(0.005)
        listening = asyncio.create_task(heard_names(store, "operations/1"))
        await asyncio.sleep(0)
        record = new_record(name="operations/1")
        await other.create(record, b"")
        await listening


@pytest.mark.parametrize("notify", [True, False])
async def test_without_notify_nothing_is_left_in_a_session(
    place: PostgresSchema, notify: bool
) -> None:
    async with opened(place.store(notify=notify, connections=1)) as store:
        for _ in range(10):
            await store.get("operations/1")
        prepared = await store._database.read("SELECT count(*) > 0 FROM pg_prepared_statements")
    assert prepared == [(notify,)]


async def test_the_poll_stands_behind_lost_notifications(
    place: PostgresSchema, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody writes who does not notify at all."""
    monkeypatch.setattr("longrunning.stores.postgres.store._POLL_BEHIND_NOTIFY", 0.2)
    async with opened(place.store(notify=False)) as silent:
        await silent.create(new_record(), b"")
        await heard_names(store, "*")


@pytest.mark.parametrize("notify", [True, False])
async def test_a_wait_ends_when_another_process_finishes_the_work(
    place: PostgresSchema, *, notify: bool
) -> None:
    here = Operations(place.store(notify=notify))
    there = Operations(place.store(notify=notify))
    async with here, there:
        name = (await there.create(parent="projects/p")).name
        waits = [asyncio.create_task(here.wait(name, 30)) for _ in range(20)]
        await asyncio.sleep(0.05)
        await there.succeed(name)
        async with asyncio.timeout(10):
            finished = await asyncio.gather(*waits)
        assert all(operation.done for operation in finished)


async def test_a_listener_that_lost_its_connection_looks_again(
    place: PostgresSchema, store: PostgresStore
) -> None:
    async with opened(place.store()) as other:
        listening = asyncio.create_task(heard_names(store, "*"))
        await asyncio.sleep(0.05)
        place.server.execute(TERMINATE)
        await succeeds(lambda: other.create(new_record(), b""))
        await listening
        async with asyncio.timeout(10):
            while not store._listener.connected:
                await asyncio.sleep(0.005)
        listening = asyncio.create_task(heard_names(store, "operations/again"))
        await asyncio.sleep(0)
        await succeeds(lambda: other.create(new_record(name="operations/again"), b""))
        await listening


# Faults: each is named to the caller, loses nothing that was acknowledged, and passes by itself


@pytest.mark.parametrize("notify", [True, False])
async def test_a_database_that_was_stopped_and_started_again(
    place: PostgresSchema, patient: PostgresStore, *, notify: bool
) -> None:
    async with opened(place.store(notify=notify, timeout=1.0)) as store:
        kept = [new_record() for _ in range(20)]
        await asyncio.gather(*(patient.create(record, b"") for record in kept))
        acknowledged: list[str] = []
        refused = 0
        stop = asyncio.Event()

        async def load() -> None:
            nonlocal refused
            while not stop.is_set():
                record = new_record()
                try:
                    await store.create(record, b"")
                    acknowledged.append(record.name)
                    assert await store.get(record.name) == record
                except Unavailable:
                    refused += 1
                await asyncio.sleep(0.001)

        loads = [asyncio.create_task(load()) for _ in range(10)]
        await asyncio.sleep(0.1)
        async with place.server.stopped():
            with pytest.raises(Unavailable):
                await store.create(new_record(), b"")
        await succeeds(lambda: store.create(new_record(), b""))
        before = len(acknowledged)
        async with asyncio.timeout(20):
            while len(acknowledged) < before + 50:
                await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*loads)
        assert refused
        for record in kept:
            assert await patient.get(record.name) == record
        found = await asyncio.gather(*(patient.get(name) for name in acknowledged))
        assert None not in found


async def test_reads_do_not_fail_when_idle_connections_were_cut(
    place: PostgresSchema, store: PostgresStore
) -> None:
    records = [new_record() for _ in range(30)]
    await asyncio.gather(*(store.create(record, b"") for record in records))
    for _ in range(3):
        place.server.execute(TERMINATE)
        found = await asyncio.gather(*(store.get(record.name) for record in records))
        assert found == records
        page = await store.list(Query(parent=None, limit=100))
        assert list(page.records) == records[::-1]


async def test_a_connection_cut_in_mid_write_is_unavailable_and_nothing_is_written(
    place: PostgresSchema, store: PostgresStore
) -> None:
    record = new_record()
    await store.create(record, b"")
    async with by_hand(place) as other:
        await other.execute("SELECT 1 FROM operations FOR UPDATE")
        write = asyncio.create_task(store.replace(claimed(record)))
        async with asyncio.timeout(10):
            while not place.server.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ):
                await asyncio.sleep(0.005)
        place.server.execute(TERMINATE)
        with pytest.raises(Unavailable) as refused:
            await write
        assert refused.value.reason == "STORE_UNAVAILABLE"
    assert await store.get(record.name) == record
    assert await store.replace(claimed(record))


async def test_a_connection_cut_before_the_acknowledgement_is_unavailable_and_safe_to_repeat(
    place: PostgresSchema,
) -> None:
    """The commit took place and its answer was lost: nobody may take it for a success."""
    async with (
        ConnectionCutter(place.server.url) as cutter,
        opened(PostgresStore(cutter.url, schema=place.schema, notify=False)) as store,
    ):
        record = new_record()
        await store.create(record, b"")
        cutter.cut_answers_to(b"UPDATE")
        with pytest.raises(Unavailable):
            await store.replace(claimed(record))
        cutter.cut_nothing()
        # Whoever repeats it reads first, and finds that it happened.
        assert await store.get(record.name) == claimed(record)
        assert not await store.replace(claimed(record))
        done = lifecycle.succeed(claimed(record), packed(1), now=NOW)
        assert await store.replace(done)

        cutter.cut_answers_to(b"INSERT")
        created = new_record(request_id="once")
        with pytest.raises(Unavailable):
            await store.create(created, b"")
        cutter.cut_nothing()
        assert await store.create(new_record(request_id="once"), b"") == created


async def test_a_database_that_does_not_answer_is_unavailable(
    place: PostgresSchema, patient: PostgresStore
) -> None:
    async with opened(place.store(timeout=0.2, connections=2)) as store:
        record = new_record()
        await patient.create(record, b"")
        async with by_hand(place) as other:
            await other.execute("LOCK TABLE operations")
            results = await asyncio.gather(
                store.get(record.name),
                store.replace(claimed(record)),
                store.list(Query(parent=None, limit=5)),
                return_exceptions=True,
            )
            assert [type(result) for result in results] == [Unavailable] * 3
        await succeeds(lambda: store.replace(claimed(record)))


async def test_a_database_that_does_not_even_take_a_cancellation_holds_up_nothing_else(
    place: PostgresSchema, patient: PostgresStore
) -> None:
    loop = asyncio.get_running_loop()
    longest = 0.0

    async def go_on() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            longest = max(longest, loop.time() - before)

    async with opened(place.store(timeout=0.2, notify=False)) as store:
        record = new_record()
        await patient.create(record, b"")
        await succeeds(lambda: store.get(record.name))  # it is connected
        going_on = asyncio.create_task(go_on())
        with place.server.hanging(most=10):
            with pytest.raises(Unavailable):
                await store.get(record.name)
            with pytest.raises(Unavailable):
                await store.worklist.claim({"scan": 1}, claimed, limit=1)
        going_on.cancel()
        assert longest < 5
        await succeeds(lambda: store.replace(claimed(record)))


async def test_a_lost_connection_to_a_database_that_does_not_answer_is_unavailable(
    place: PostgresSchema,
) -> None:
    database = Database(place.server.url, connections=3, seconds=0.5)
    await database.open()

    async def use_three() -> None:
        await asyncio.gather(*(database.read("SELECT pg_sleep(0.3)") for _ in range(3)))

    try:
        await succeeds(use_three)
        # They take turns, so the first of these is next.
        pids: list[int] = []

        async def take_turns() -> None:
            pids[:] = [(await database.read("SELECT pg_backend_pid()"))[0][0] for _ in range(3)]

        await succeeds(take_turns)
        assert len(set(pids)) == 3
        place.server.execute(f"SELECT pg_terminate_backend({pids[0]}, 5000)")
        with place.server.hanging(most=30):
            async with asyncio.timeout(10):
                with pytest.raises(Unavailable):
                    await database.read("SELECT 1")
        await succeeds(use_three)  # and none of them got lost
    finally:
        await database.close()


@pytest.mark.parametrize("code", ["53100", "53200"])
async def test_a_database_without_room_is_resource_exhausted(
    place: PostgresSchema, store: PostgresStore, code: str
) -> None:
    """The server's own error, from a trigger that stands for its disk."""
    schema = place.schema
    place.server.execute(
        f"CREATE FUNCTION {schema}.full_disk() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '{code}'; END $$"
    )
    place.server.execute(
        f"CREATE TRIGGER full_disk BEFORE INSERT ON {schema}.operations "
        f"EXECUTE FUNCTION {schema}.full_disk()"
    )
    record = new_record()
    with pytest.raises(ResourceExhausted) as refused:
        await store.create(record, b"")
    assert refused.value.reason == "STORE_FULL"
    assert await store.get(record.name) is None
    place.server.execute(f"DROP TRIGGER full_disk ON {schema}.operations")
    await store.create(record, b"")


async def test_a_database_that_is_read_only_is_unavailable(
    place: PostgresSchema, store: PostgresStore
) -> None:
    """What a standby is, before it is promoted."""
    record = new_record()
    await store.create(record, b"")
    place.server.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
    try:
        place.server.execute(TERMINATE)
        with pytest.raises(Unavailable):
            await store.replace(claimed(record))
        with pytest.raises(Unavailable):
            await store.replace(claimed(record))
        assert await store.get(record.name) == record
    finally:
        with psycopg.connect(place.server.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("ALTER DATABASE postgres RESET default_transaction_read_only")
    place.server.execute(TERMINATE)
    await succeeds(lambda: store.replace(claimed(record)))


async def test_one_write_that_fails_spares_those_that_shared_its_commit(
    store: PostgresStore,
) -> None:
    taken = new_record()
    await store.create(taken, b"")
    records = [*(new_record() for _ in range(20)), taken, *(new_record() for _ in range(20))]
    results = await asyncio.gather(
        *(store.create(record, b"") for record in records), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, BaseException)]
    assert [type(each).__name__ for each in refused] == ["AlreadyExists"]
    assert len((await store.list(Query(parent=None, limit=100))).records) == 41


@pytest.mark.parametrize("never_kept", [{"retention": 2**63}, {"method": "half of \ud83d"}])
async def test_what_can_never_be_kept_harms_nobody_and_is_not_unavailable(
    store: PostgresStore, caplog: pytest.LogCaptureFixture, never_kept: dict[str, object]
) -> None:
    caplog.set_level(logging.CRITICAL)
    records = [new_record() for _ in range(10)]
    async with asyncio.timeout(20):
        results = await asyncio.gather(
            *(store.create(record, b"") for record in records[:5]),
            store.create(new_record(**never_kept), b""),
            *(store.create(record, b"") for record in records[5:]),
            return_exceptions=True,
        )
    refused = results.pop(5)
    assert isinstance(refused, Exception)
    assert not isinstance(refused, Unavailable)
    assert results == records


async def test_a_name_that_cannot_be_sent_keeps_no_reader_waiting(store: PostgresStore) -> None:
    record = new_record()
    await store.create(record, b"")
    async with asyncio.timeout(20):
        results = await asyncio.gather(
            store.get(record.name), store.get("half of \ud83d"), return_exceptions=True
        )
    assert isinstance(results[1], Exception)
    assert await store.get(record.name) == record


async def test_writers_that_meet_in_any_order_do_not_end_in_a_deadlock(
    place: PostgresSchema, store: PostgresStore
) -> None:
    async with opened(place.store()) as other:
        records = [new_record() for _ in range(100)]
        await asyncio.gather(*(store.create(record, b"") for record in records))
        won = await asyncio.gather(
            *(store.replace(claimed(record, "one")) for record in records),
            *(other.replace(claimed(record, "two")) for record in reversed(records)),
        )
        assert sum(won) == 100
        found = await asyncio.gather(*(store.get(record.name) for record in records))
        assert {record.revision for record in found} == {2}
