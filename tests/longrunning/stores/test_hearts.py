"""Hearts: they beat from a thread whatever the event loop does, and outlive what they meet."""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from pathlib import Path

import psycopg
import pytest

from longrunning import SQLiteStore, Store, Unavailable
from longrunning.stores import Heart
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.records import DAY, NOW, claimed, new_record
from tests.longrunning.stores.storages import PostgresSchema


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """What the storage cannot do is logged, and so are the connections that these tests cut."""
    caplog.set_level(logging.CRITICAL)


async def in_thread(heart: Heart, *owners: str, lease: int = DAY) -> None:
    """Beats for owners in a thread of their own, which lets go of the heart at its end."""
    errors: list[BaseException] = []

    def beat() -> None:
        try:
            for owner in owners:
                heart.beat(owner, now=NOW, lease=lease)
        except BaseException as error:
            errors.append(error)
        finally:
            heart.close()

    thread = threading.Thread(target=beat)
    thread.start()
    await asyncio.to_thread(thread.join, 30)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


async def orphans(store: Store) -> list[str]:
    found = await store.worklist.orphans(["scan"], now=NOW + 1, limit=10)
    return [record.owner for record in found]


async def test_a_heart_says_that_owners_live(store: Store, another: Store) -> None:
    for owner in ("one", "two", "three"):
        record = new_record()
        await store.create(record, b"")
        assert await store.replace(claimed(record, owner))
    assert await orphans(another) == ["one", "two", "three"]
    await in_thread(store.worklist.heart(), "one", "one", "three")
    assert await orphans(another) == ["two"]
    await in_thread(store.worklist.heart(), "one", lease=0)
    assert await orphans(another) == ["one", "two"]
    await another.worklist.retire("three")
    assert await orphans(store) == ["one", "two", "three"]


async def test_a_heart_beats_while_the_event_loop_is_blocked(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    assert await store.replace(claimed(record, "busy"))
    heart = store.worklist.heart()

    def beat() -> None:
        heart.beat("busy", now=NOW, lease=DAY)
        heart.close()

    thread = threading.Thread(target=beat)
    thread.start()
    thread.join(30)  # on the loop's own thread: nothing else can run
    assert not thread.is_alive()
    assert await orphans(store) == []


async def test_a_heart_that_has_not_beaten_or_was_closed_can_be_closed(store: Store) -> None:
    heart = store.worklist.heart()
    heart.close()
    heart.beat("me", now=NOW, lease=DAY)
    heart.close()
    heart.close()
    heart.beat("me", now=NOW, lease=DAY)
    heart.close()


async def test_making_a_heart_does_no_io(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    heart = SQLiteStore(path).worklist.heart()
    assert not path.exists()
    with pytest.raises(Unavailable) as refused:
        heart.beat("me", now=NOW, lease=DAY)
    assert refused.value.message == "The store cannot serve this now."
    assert not path.exists()


async def test_a_heart_waits_for_a_lock_and_gives_up_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    store = SQLiteStore(path, busy_timeout=0.2)
    await store.open()
    heart = store.worklist.heart()
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as refused:
            heart.beat("me", now=NOW, lease=DAY)
        assert refused.value.reason == "STORE_UNAVAILABLE"
        other.execute("ROLLBACK")
        heart.beat("me", now=NOW, lease=DAY)
        patient = SQLiteStore(path, busy_timeout=30).worklist.heart()
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.1, other.execute, ["ROLLBACK"])
        release.start()
        patient.beat("me", now=NOW, lease=DAY)
        release.join()
        for each in (heart, patient):
            each.close()
    await store.close()


async def test_hearts_and_writers_of_one_file_get_along(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "operations.db")
    await store.open()
    beating = asyncio.create_task(in_thread(store.worklist.heart(), *["me"] * 200))
    while not beating.done():
        await asyncio.gather(*(store.create(new_record(), b"") for _ in range(5)))
    await beating
    await store.close()


async def test_a_heart_outlives_a_restart_of_the_database(postgres: PostgresServer) -> None:
    place = PostgresSchema(postgres)
    store = place.store()
    await store.open()
    heart = store.worklist.heart()
    heart.beat("me", now=NOW, lease=DAY)
    record = new_record()
    await store.create(record, b"")
    assert await store.replace(claimed(record, "me"))
    async with place.server.stopped():
        for _ in range(2):
            with pytest.raises(Unavailable):
                heart.beat("me", now=NOW, lease=DAY)
    heart.beat("me", now=NOW, lease=DAY)
    heart.close()
    async with asyncio.timeout(15):
        while True:
            try:
                assert await orphans(store) == []
                break
            except Unavailable:
                await asyncio.sleep(0.01)
    await store.close()
    place.remove()


async def test_a_heart_beats_again_after_its_connection_was_cut(postgres: PostgresServer) -> None:
    place = PostgresSchema(postgres)
    store = place.store(notify=False)
    await store.open()
    heart = store.worklist.heart()
    heart.beat("me", now=NOW, lease=DAY)
    place.server.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = 'longrunning'"
    )
    with pytest.raises(Unavailable):
        heart.beat("me", now=NOW, lease=DAY)
    heart.beat("me", now=NOW, lease=DAY)
    heart.close()
    await store.close()
    place.remove()


async def test_a_beat_that_the_database_does_not_answer_gives_up(postgres: PostgresServer) -> None:
    place = PostgresSchema(postgres)
    store = place.store(timeout=0.3)
    await store.open()
    heart = store.worklist.heart()
    with psycopg.connect(place.server.url) as other:
        other.execute(f"LOCK TABLE {place.schema}.owners")
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            heart.beat("me", now=NOW, lease=DAY)
        assert time.monotonic() - begun < 10
        other.rollback()
    give_up = time.monotonic() + 15
    while True:
        try:
            heart.beat("me", now=NOW, lease=DAY)
            break
        except Unavailable:  # 0.3 s are little on a busy machine
            assert time.monotonic() < give_up
    heart.close()
    await store.close()
    place.remove()
