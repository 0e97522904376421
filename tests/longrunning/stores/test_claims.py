"""Claims: whose turn it is, what a claim brings, and that each piece of work goes to one alone."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator

import psycopg
import pytest

from longrunning import Store, lifecycle
from longrunning.errors import OperationConflict, Unavailable
from longrunning.lifecycle import Record, State
from longrunning.stores import Work, store_from_url
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.records import NOW, claimed, new_record, packed
from tests.longrunning.stores.storages import PostgresSchema

SECOND = 1_000_000


def records_of(works: list[Work]) -> list[Record]:
    return [work.record for work in works]


async def created(store: Store, *handlers: str, **fields: object) -> list[Record]:
    """Fills a store with records of these handlers, the oldest first."""
    records = [new_record(handler=handler, **fields) for handler in handlers]
    for record in records:
        await store.create(record, record.name.encode())
    return records


async def claim(store: Store, limit: int = 100, **room: int) -> list[Record]:
    return records_of(await store.worklist.claim(room, claimed, limit=limit))


async def finish(store: Store, record: Record) -> Record:
    done = lifecycle.succeed(record, packed(1), now=NOW)
    assert await store.replace(done)
    return done


# Whose turn it is


async def test_a_claim_takes_the_oldest_of_each_handler_up_to_its_room(store: Store) -> None:
    a1, b1, a2, c1, b2, a3 = await created(store, "a", "b", "a", "c", "b", "a")
    assert await claim(store, a=2, b=1) == [claimed(a1), claimed(b1), claimed(a2)]
    assert await claim(store, a=0, b=-1, z=5) == []
    assert await claim(store) == []
    assert await claim(store, a=5, b=5, c=5) == [claimed(c1), claimed(b2), claimed(a3)]
    assert await claim(store, a=5, b=5, c=5) == []


async def test_a_claim_takes_no_more_than_its_limit_in_all(store: Store) -> None:
    a1, b1, a2, b2, _ = await created(store, "a", "b", "a", "b", "a")
    assert await claim(store, a=5, b=5, limit=0) == []
    assert await claim(store, a=5, b=5, limit=1) == [claimed(a1)]
    assert await claim(store, a=1, b=5, limit=3) == [claimed(b1), claimed(a2), claimed(b2)]


async def test_a_claim_by_name_takes_that_one_alone(store: Store) -> None:
    first, second = await created(store, "a", "a")
    worklist = store.worklist
    assert await worklist.claim({"b": 1}, claimed, limit=1, name=second.name) == []
    assert await worklist.claim({"a": 0}, claimed, limit=1, name=second.name) == []
    assert await worklist.claim({"a": 1}, claimed, limit=0, name=second.name) == []
    assert await worklist.claim({"a": 1}, claimed, limit=1, name="operations/x") == []
    works = await worklist.claim({"a": 1}, claimed, limit=9, name=second.name)
    assert records_of(works) == [claimed(second)]
    assert await worklist.claim({"a": 1}, claimed, limit=1, name=second.name) == []
    assert await store.get(first.name) == first


async def test_only_pending_work_is_claimed(store: Store) -> None:
    for state in State:
        if state is not State.PENDING:
            await store.create(new_record(state=state), b"")
    assert await claim(store, scan=10) == []


async def test_what_was_claimed_is_written_before_it_is_returned(
    store: Store, another: Store
) -> None:
    (record,) = await created(store, "a")
    taken = lifecycle.claim(record, owner="me", now=NOW + 3, timeout=SECOND)
    (work,) = await store.worklist.claim(
        {"a": 1},
        lambda record: lifecycle.claim(record, owner="me", now=NOW + 3, timeout=SECOND),
        limit=1,
    )
    assert work == Work(record=taken, request=record.name.encode(), checkpoint=b"")
    assert await another.get(record.name) == taken
    assert not await another.replace(claimed(record, "late"))


async def test_a_claim_is_told_to_watchers_here_and_elsewhere(store: Store, another: Store) -> None:
    (record,) = await created(store, "a")
    here, elsewhere = asyncio.Event(), asyncio.Event()
    store.watch(lambda names: here.set() if names and record.name in names else None)
    another.watch(lambda _: elsewhere.set())
    await claim(store, a=1)
    async with asyncio.timeout(10):
        await here.wait()
        await elsewhere.wait()


# What the work left


async def test_the_request_comes_with_the_claim_byte_for_byte(store: Store) -> None:
    await store.create(new_record(), b"\x00\xff request")
    (work,) = await store.worklist.claim({"scan": 1}, claimed, limit=1)
    assert work.request == b"\x00\xff request"


async def test_a_checkpoint_stays_until_it_is_replaced_or_forgotten(
    store: Store, another: Store
) -> None:
    await created(store, "a")

    async def claim_again() -> Work:
        (work,) = await another.worklist.claim({"a": 1}, claimed, limit=1)
        return work

    async def left(*checkpoints: bytes | None) -> bytes:
        """What the next attempt finds after these writes of one attempt."""
        nonlocal record
        for checkpoint in checkpoints:
            record = lifecycle.checkpoint(record, now=NOW)
            assert await store.replace(record, checkpoint)
        assert await store.replace(lifecycle.release(record, now=NOW))
        work = await claim_again()
        record = work.record
        return work.checkpoint

    record = (await claim_again()).record
    assert await left(None) == b""
    assert await left(b"\x00one\xff") == b"\x00one\xff"
    assert await left() == b"\x00one\xff"
    assert await left(None, None) == b"\x00one\xff"
    assert await left(b"two", b"three") == b"three"
    assert await left(b"x" * 100_000, None) == b"x" * 100_000
    assert await left(b"four", b"") == b""


async def test_a_stale_writer_leaves_no_checkpoint(store: Store) -> None:
    await created(store, "a")
    (running,) = await claim(store, a=1)
    released = lifecycle.release(running, now=NOW)
    assert await store.replace(released)
    stale = lifecycle.checkpoint(running, now=NOW)
    assert not await store.replace(stale, b"late")
    (work,) = await store.worklist.claim({"a": 1}, claimed, limit=1)
    assert work.checkpoint == b""


async def test_checkpoints_of_many_writers_are_kept_apart(store: Store) -> None:
    await created(store, *["a"] * 60)
    running = await claim(store, a=60)
    checkpoints = [None if n % 3 == 0 else str(n).encode() for n in range(60)]
    steps = [lifecycle.checkpoint(record, now=NOW) for record in running]
    written = zip(steps, checkpoints, strict=True)
    assert all(await asyncio.gather(*(store.replace(step, left) for step, left in written)))
    releases = [lifecycle.release(step, now=NOW) for step in steps]
    assert all(await asyncio.gather(*(store.replace(release) for release in releases)))
    works = await store.worklist.claim({"a": 60}, claimed, limit=60)
    assert [work.checkpoint for work in works] == [left or b"" for left in checkpoints]


# Conflict keys


async def test_a_conflict_key_has_one_at_a_time_in_order(store: Store) -> None:
    k1, free, k2, l1, k3 = [
        (await created(store, "a", conflict_key=key))[0] for key in ("k", "", "k", "l", "k")
    ]
    assert await claim(store, a=10) == [claimed(k1), claimed(free), claimed(l1)]
    assert await claim(store, a=10) == []
    assert await store.replace(lifecycle.request_cancel(claimed(k1), now=NOW))
    assert await claim(store, a=10) == []  # it is still being worked on
    cancelling = lifecycle.request_cancel(claimed(k1), now=NOW)
    assert await store.replace(lifecycle.cancel(cancelling, now=NOW))
    assert await claim(store, a=10) == [claimed(k2)]
    assert await store.delete(k2.name)
    assert await claim(store, a=10) == [claimed(k3)]


async def test_an_older_operation_goes_first_whoever_works_on_it(store: Store) -> None:
    """A handler that has no room holds up the key, so that order stays order."""
    other = (await created(store, "b", conflict_key="k"))[0]
    mine = (await created(store, "a", conflict_key="k"))[0]
    assert await claim(store, a=10) == []
    by_name = await store.worklist.claim({"a": 1}, claimed, limit=1, name=mine.name)
    assert by_name == []
    assert await claim(store, a=10, b=10) == [claimed(other)]
    await finish(store, claimed(other))
    assert await claim(store, a=10, b=10) == [claimed(mine)]


async def test_released_work_goes_before_what_waits_behind_it(store: Store) -> None:
    first, _ = await created(store, "a", "a", conflict_key="k")
    (running,) = await claim(store, a=10)
    released = lifecycle.release(running, now=NOW)
    assert await store.replace(released)
    assert await claim(store, a=10) == [claimed(released)]
    assert released.id == first.id


async def test_a_younger_one_that_runs_holds_up_an_older_one(store: Store) -> None:
    """Clocks that differ can make one that is older by its id come later."""
    older, younger = new_record(conflict_key="k"), new_record(conflict_key="k")
    await store.create(younger, b"")
    assert await claim(store, scan=1) == [claimed(younger)]
    await store.create(older, b"")
    assert await claim(store, scan=1) == []
    with pytest.raises(OperationConflict) as refused:
        await store.replace(claimed(older))
    assert refused.value.metadata == {"conflict_key": "k", "name": younger.name}
    await finish(store, claimed(younger))
    assert await store.replace(claimed(older))


# Exclusive operations


async def test_an_exclusive_operation_is_refused_while_another_is_unfinished(
    store: Store, another: Store
) -> None:
    (first,) = await created(store, "a", conflict_key="k")
    record = new_record(conflict_key="k", exclusive=True)
    with pytest.raises(OperationConflict) as refused:
        await another.create(record, b"")
    assert str(refused.value) == (
        f"Operation '{first.name}' is under way for 'k': try again once it is done."
    )
    assert refused.value.metadata == {"conflict_key": "k", "name": first.name}
    assert await store.get(record.name) is None
    queued = new_record(conflict_key="k")
    assert await another.create(queued, b"") is queued


@pytest.mark.parametrize("end", ["finished", "deleted"])
async def test_an_exclusive_operation_is_created_once_the_other_has_ended(
    store: Store, end: str
) -> None:
    first = new_record(conflict_key="k", exclusive=True)
    await store.create(first, b"")
    second = new_record(conflict_key="k", exclusive=True)
    other_key = new_record(conflict_key="l", exclusive=True)
    without = [new_record(exclusive=True) for _ in range(2)]
    for record in (other_key, *without):
        assert await store.create(record, b"") is record
    with pytest.raises(OperationConflict):
        await store.create(second, b"")
    if end == "deleted":
        assert await store.delete(first.name)
    else:
        assert await store.replace(claimed(first))
        with pytest.raises(OperationConflict):
            await store.create(second, b"")
        await finish(store, claimed(first))
    assert await store.create(second, b"") is second


async def test_a_repeated_request_gives_the_exclusive_operation_that_is_under_way(
    store: Store,
) -> None:
    first = new_record(conflict_key="k", exclusive=True, request_id="r")
    await store.create(first, b"")
    again = new_record(conflict_key="k", exclusive=True, request_id="r")
    assert await store.create(again, b"") == first
    with pytest.raises(OperationConflict):
        await store.create(new_record(conflict_key="k", exclusive=True, request_id="s"), b"")


async def test_work_that_runs_already_is_refused_beside_other_work_of_its_key(store: Store) -> None:
    running, beside = (new_record(conflict_key="k", state=State.RUNNING) for _ in range(2))
    await store.create(running, b"")
    with pytest.raises(OperationConflict) as refused:
        await store.create(beside, b"")
    assert refused.value.metadata["name"] == running.name
    await finish(store, running)
    assert await store.create(beside, b"") is beside


@pytest.mark.parametrize("request_id", ["", "r"])
async def test_of_fifty_exclusive_creations_at_once_one_succeeds(
    store: Store, another: Store, request_id: str
) -> None:
    records = [
        new_record(conflict_key="k", exclusive=True, request_id=request_id and f"r{n}")
        for n in range(50)
    ]
    results = await asyncio.gather(
        *((store, another)[n % 2].create(record, b"") for n, record in enumerate(records)),
        return_exceptions=True,
    )
    (winner,) = [result for result in results if isinstance(result, Record)]
    refused = [result for result in results if isinstance(result, OperationConflict)]
    assert len(refused) == 49
    assert {error.metadata["name"] for error in refused} == {winner.name}
    found = await asyncio.gather(*(store.get(record.name) for record in records))
    assert [record for record in found if record] == [winner]


async def test_exclusive_creations_of_many_keys_in_any_order_end(
    store: Store, another: Store
) -> None:
    keys = [f"k{n}" for n in range(40)]
    results = await asyncio.gather(
        *(store.create(new_record(conflict_key=k, exclusive=True), b"") for k in keys),
        *(another.create(new_record(conflict_key=k, exclusive=True), b"") for k in keys[::-1]),
        return_exceptions=True,
    )
    won = Counter(each.conflict_key for each in results if isinstance(each, Record))
    assert won == dict.fromkeys(keys, 1)
    assert sum(isinstance(each, OperationConflict) for each in results) == 40


# Many claimers

_CLAIMING_PROCESS = """
import asyncio, sys
from longrunning import lifecycle
from longrunning.stores import store_from_url

async def main(url):
    store = store_from_url(url)
    await store.open()
    input()  # until everybody is ready
    while works := await store.worklist.claim(
        {"a": 7, "b": 7}, lambda record: lifecycle.claim(record, owner="other", now=1), limit=10
    ):
        for work in works:
            print(work.record.name)
    await store.close()

print("ready", flush=True)
asyncio.run(main(sys.argv[1]))
"""


async def test_each_of_a_thousand_is_taken_once(store: Store, another: Store) -> None:
    records = [new_record(handler="ab"[n % 2]) for n in range(1000)]
    await asyncio.gather(*(store.create(record, b"") for record in records))

    async def work(through: Store, owner: str) -> list[str]:
        names: list[str] = []
        while len(taken) < 1000:
            works = await through.worklist.claim(
                {"a": 7, "b": 7}, lambda record: claimed(record, owner), limit=10
            )
            names += [work.record.name for work in works]
            taken.extend(work.record.name for work in works)
        return names

    taken: list[str] = []
    async with asyncio.timeout(60):
        shares = await asyncio.gather(
            *(work((store, another)[n % 2], f"worker {n}") for n in range(6))
        )
    assert sorted(taken) == sorted(record.name for record in records)
    for number, names in enumerate(shares):
        for name in names:
            stored = await store.get(name)
            assert (stored.owner, stored.attempt) == (f"worker {number}", 1)


async def test_two_processes_take_each_of_a_thousand_once(url: str) -> None:
    store = store_from_url(url)
    await store.open()
    records = [new_record(handler="ab"[n % 2]) for n in range(1000)]
    await asyncio.gather(*(store.create(record, b"") for record in records))
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", _CLAIMING_PROCESS, url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(60):
        for process in processes:
            assert await process.stdout.readline() == b"ready\n"
        said = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    names = [line for out, _ in said for line in out.decode().split()]
    assert sorted(names) == sorted(record.name for record in records)
    await store.close()


async def test_concurrent_claimers_never_hold_two_of_a_key(store: Store, another: Store) -> None:
    records = [new_record(conflict_key=f"k{n % 5}") for n in range(100)]
    await asyncio.gather(*(store.create(record, b"") for record in records))
    held: Counter[str] = Counter()
    order: dict[str, list[str]] = {f"k{n}": [] for n in range(5)}

    async def work(through: Store) -> None:
        while sum(map(len, order.values())) < 100:
            works = await through.worklist.claim({"scan": 3}, claimed, limit=3)
            for work in works:
                record = work.record
                held[record.conflict_key] += 1
                assert held[record.conflict_key] == 1
                order[record.conflict_key].append(record.id)
            for work in works:
                held[work.record.conflict_key] -= 1
                await finish(through, work.record)

    async with asyncio.timeout(60):
        await asyncio.gather(*(work((store, another)[n % 2]) for n in range(4)))
    for key, ids in order.items():
        assert ids == sorted(record.id for record in records if record.conflict_key == key)


# PostgreSQL's own


@pytest.fixture
async def place(postgres: PostgresServer) -> AsyncIterator[PostgresSchema]:
    made = PostgresSchema(postgres)
    yield made
    made.remove()


async def test_a_claim_passes_over_what_another_is_taking(place: PostgresSchema) -> None:
    store = place.store()
    await store.open()
    first, second = await created(store, "a", "a")
    async with await psycopg.AsyncConnection.connect(place.server.url) as other:
        await other.execute(
            f"SELECT 1 FROM {place.schema}.operations WHERE name = %s FOR UPDATE", [first.name]
        )
        assert await claim(store, a=1) == [claimed(second)]
        by_name = await store.worklist.claim({"a": 1}, claimed, limit=1, name=first.name)
        assert by_name == []
    assert await claim(store, a=1) == [claimed(first)]
    await store.close()


async def test_a_claim_that_another_of_its_key_overtook_gives_nothing(
    place: PostgresSchema,
) -> None:
    """The other one is claimed after we looked and before we write: the index refuses ours."""
    store = place.store()
    await store.open()
    younger = new_record(conflict_key="k")
    older = new_record(conflict_key="k")
    older, younger = sorted((older, younger), key=lambda record: record.id)
    await store.create(younger, b"")
    await store.create(older, b"")

    def overtaken(record: Record) -> Record:
        place.server.execute(
            f"UPDATE {place.schema}.operations SET state = 'running' WHERE name = '{younger.name}'"
        )
        return claimed(record)

    assert await store.worklist.claim({"scan": 1}, overtaken, limit=1) == []
    assert await store.get(older.name) == older
    for _ in range(20):  # no connection was left in a broken state
        assert await claim(store, scan=1) == []
    assert await store.get(older.name) == older
    await store.close()


async def test_a_claim_that_the_database_does_not_answer_is_unavailable(
    place: PostgresSchema,
) -> None:
    patient, store = place.store(), place.store(timeout=0.3)
    await patient.open()
    await created(patient, "a")
    await patient.close()
    await store.open()
    async with await psycopg.AsyncConnection.connect(place.server.url) as other:
        await other.execute(f"LOCK TABLE {place.schema}.operations")
        with pytest.raises(Unavailable) as refused:
            await claim(store, a=1)
        assert refused.value.message == "The store cannot serve this now."
    await store.close()
