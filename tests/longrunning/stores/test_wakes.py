"""Who is woken: whoever waits for work, when there may be some, and not for the rest."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from longrunning import PostgresStore, Store, lifecycle
from longrunning.lifecycle import Record, State
from longrunning.stores.postgres.notices import payloads
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.records import NOW, claimed, new_record, packed
from tests.longrunning.stores.storages import PostgresSchema


class Wakes:
    """Counts the wakes of a store."""

    def __init__(self, store: Store) -> None:
        self.count = 0
        self._woken = asyncio.Event()
        self.end = store.worklist.watch(self._wake)

    def _wake(self) -> None:
        self.count += 1
        self._woken.set()

    async def next(self) -> None:
        async with asyncio.timeout(10):
            await self._woken.wait()
        self._woken.clear()


async def kept(store: Store, **fields: object) -> Record:
    record = new_record(**fields)
    await store.create(record, b"")
    return record


def done(record: Record) -> Record:
    return lifecycle.succeed(record, packed(1), now=NOW)


async def give_work(store: Store) -> list[tuple[str, Callable[[], Awaitable[object]]]]:
    """What wakes, each after what leads up to it."""
    running = await kept(store, state=State.RUNNING)
    finishing = await kept(store, state=State.RUNNING, conflict_key="f")
    cancelled = await kept(store, conflict_key="c")
    deleted = await kept(store, conflict_key="d")
    return [
        ("created", lambda: store.create(new_record(), b"")),
        ("released", lambda: store.replace(lifecycle.release(running, now=NOW))),
        ("ended with a key", lambda: store.replace(done(finishing))),
        (
            "cancelled with a key",
            lambda: store.replace(lifecycle.request_cancel(cancelled, now=NOW)),
        ),
        ("deleted with a key", lambda: store.delete(deleted.name)),
    ]


async def give_none(store: Store, ended: Record) -> None:
    """Changes that give no work, one after the other; `ended` had a key."""
    running = await kept(store, state=State.RUNNING, conflict_key="r")
    plain = await kept(store, state=State.RUNNING)
    assert await store.replace(lifecycle.report(running, packed(1), now=NOW))
    assert await store.replace(done(plain))
    assert not await store.replace(done(plain))
    assert await store.delete(plain.name)
    assert await store.delete(ended.name)
    assert not await store.delete("operations/x")


async def test_what_gives_work_wakes_at_once(store: Store) -> None:
    for what, change in await give_work(store):
        wakes = Wakes(store)
        await change()
        await asyncio.sleep(0)
        assert wakes.count, what
        wakes.end()


async def test_what_gives_work_wakes_other_processes(store: Store, another: Store) -> None:
    for _, change in await give_work(store):
        wakes = Wakes(another)
        await change()
        await wakes.next()
        wakes.end()


@pytest.fixture
def poll_never(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store hears of others without their messages, it hears late here."""
    for seconds in ("sqlite.store._POLL_SECONDS", "postgres.store._POLL_BEHIND_NOTIFY"):
        monkeypatch.setattr(f"longrunning.stores.{seconds}", 60.0)
    monkeypatch.setattr("longrunning.stores.postgres.store._POLL_ALONE", 60.0)


@pytest.mark.usefixtures("poll_never")
async def test_what_gives_no_work_wakes_nobody(store: Store) -> None:
    if isinstance(store, PostgresStore) and store._listener:
        await listening(store)
    ended = await kept(store, state=State.SUCCEEDED, conflict_key="e")
    wakes = Wakes(store)
    await give_none(store, ended)
    assert wakes.count == 0
    await kept(store)
    await wakes.next()
    assert wakes.count == 1
    wakes.end()


@pytest.mark.usefixtures("poll_never")
async def test_a_claim_wakes_nobody_here(store: Store) -> None:
    for _ in range(5):
        await kept(store)
    wakes = Wakes(store)
    if isinstance(store, PostgresStore) and store._listener:
        await listening(store)
    wakes.count = 0
    assert len(await store.worklist.claim({"scan": 3}, claimed, limit=3)) == 3
    assert wakes.count == 0
    wakes.end()


async def test_whoever_has_stopped_watching_is_not_woken(store: Store) -> None:
    ended, other = Wakes(store), Wakes(store)
    ended.end()
    ended.end()
    count = ended.count
    await kept(store)
    await other.next()
    other.end()
    assert ended.count == count


async def test_a_creation_whose_caller_goes_away_wakes_all_the_same(store: Store) -> None:
    wakes = Wakes(store)
    record = new_record()
    creating = asyncio.create_task(store.create(record, b""))
    await asyncio.sleep(0)
    creating.cancel()
    await asyncio.gather(creating, return_exceptions=True)
    async with asyncio.timeout(10):
        while await store.get(record.name) is None:
            await asyncio.sleep(0.005)
    await wakes.next()
    wakes.end()


# PostgreSQL's messages


@pytest.fixture
def place(postgres: PostgresServer) -> Iterator[PostgresSchema]:
    made = PostgresSchema(postgres)
    yield made
    made.remove()


@pytest.fixture
async def here(place: PostgresSchema) -> AsyncIterator[PostgresStore]:
    store = place.store()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def there(place: PostgresSchema, here: PostgresStore) -> AsyncIterator[PostgresStore]:
    store = place.store()
    await store.open()
    yield store
    await store.close()


async def listening(store: PostgresStore) -> None:
    async with asyncio.timeout(10):
        while not store._listener.connected:
            await asyncio.sleep(0.005)


def test_a_message_says_whether_there_may_be_work() -> None:
    assert list(payloads("me", ["a", "b"])) == ["me\na\nb"]
    assert list(payloads("me", ["a", "b"], gives_work=True)) == ["me work\na\nb"]
    many = list(payloads("me", [f"operations/{n:0100}" for n in range(200)], gives_work=True))
    assert [each.split("\n")[0] for each in many] == ["me work", *["me"] * (len(many) - 1)]
    assert len(many) > 1
    assert all(len(each.encode()) < 8000 for each in many)


@pytest.mark.usefixtures("poll_never")
async def test_only_what_gives_work_wakes_another_process(
    here: PostgresStore, there: PostgresStore
) -> None:
    await listening(here)
    heard: set[str] = set()
    news = asyncio.Event()
    here.watch(lambda names: (heard.update(names or ()), news.set()))
    ended = await kept(there, state=State.SUCCEEDED, conflict_key="e")
    wakes = Wakes(here)

    async def hears(name: str) -> None:
        async with asyncio.timeout(10):
            while name not in heard:
                news.clear()
                await news.wait()

    await give_none(there, ended)
    last = await kept(there, state=State.RUNNING)
    await hears(last.name)
    assert wakes.count == 0
    work = await kept(there)
    await wakes.next()
    await hears(work.name)
    assert wakes.count == 1


@pytest.mark.usefixtures("poll_never")
async def test_a_claim_that_held_more_than_it_took_wakes_those_who_passed_over_it(
    here: PostgresStore, there: PostgresStore
) -> None:
    await listening(here)
    heard: list[str] = []
    news = asyncio.Event()
    here.watch(lambda names: (heard.extend(names or ()), news.set()))

    async def hears(name: str, times: int) -> None:
        async with asyncio.timeout(10):
            while heard.count(name) < times:
                news.clear()
                await news.wait()

    wakes = Wakes(here)
    first, second = [await kept(there, handler=handler) for handler in ("a", "b")]
    await hears(second.name, 1)
    before = wakes.count
    (taken,) = await there.worklist.claim({"a": 1, "b": 1}, claimed, limit=1)
    assert taken.record.name == first.name
    await hears(first.name, 2)
    assert wakes.count == before + 1
    (taken,) = await there.worklist.claim({"a": 1, "b": 1}, claimed, limit=1)
    assert taken.record.name == second.name
    await hears(second.name, 2)
    assert wakes.count == before + 1  # there was nothing to pass over


async def test_whoever_was_not_listening_is_woken_when_it_listens_again(
    place: PostgresSchema, here: PostgresStore, there: PostgresStore
) -> None:
    await listening(here)
    wakes = Wakes(here)
    place.server.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
    )
    await wakes.next()
    wakes.end()
