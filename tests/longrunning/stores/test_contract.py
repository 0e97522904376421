"""What every store promises: see `longrunning.stores.contract`."""

import asyncio
import dataclasses
import itertools
import random
from collections.abc import Collection

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2

from longrunning import AlreadyExists, Store, lifecycle
from longrunning.filters import Bounds, parse
from longrunning.lifecycle import Record, State
from longrunning.stores import Query, Work
from tests.longrunning.stores.records import (
    DAY,
    FAILURE,
    NOW,
    PARENT,
    claimed,
    new_record,
    packed,
    succeeded,
)
from tests.longrunning.stores.storages import Storage

EVERYTHING = Query(parent=None, limit=1000)


async def filled(store: Store, *records: Record) -> list[Record]:
    for record in records:
        await store.create(record, b"")
    return sorted(records, key=lambda record: record.id, reverse=True)


async def finished(store: Store, record: Record) -> Record:
    """Creates a record, and writes every revision up to its success."""
    await store.create(record, b"")
    running = claimed(record)
    assert await store.replace(running)
    done = lifecycle.succeed(running, packed(1), now=NOW)
    assert await store.replace(done)
    return done


async def walk(store: Store, query: Query) -> list[Record]:
    """Every record that a query selects, page after page."""
    records: list[Record] = []
    while True:
        page = await store.list(query)
        assert len(page.records) <= query.limit
        records += page.records
        if not page.position:
            return records
        assert not query.before or page.position < query.before
        query = dataclasses.replace(query, before=page.position)


class Seen:
    """What a watcher was told."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._told = asyncio.Event()

    def __call__(self, names: Collection[str] | None) -> None:
        self.names.update(["*"] if names is None else names)
        self._told.set()

    async def wait(self, *names: str, seconds: float = 10.0) -> None:
        """Waits to be told one of these, or that anything may have changed."""
        async with asyncio.timeout(seconds):
            while not self.names & {"*", *names}:
                self._told.clear()
                await self._told.wait()


# Creating and reading


async def test_what_was_created_comes_back_equal(store: Store, another: Store) -> None:
    operation = operations_pb2.Operation(name="n", metadata=packed(3)).SerializeToString()
    unknown_field = b"\xfa\x01\x03abc"
    record = new_record(
        operation=operation + unknown_field,
        request_id="once",
        owner="some worker",
        attempt=3,
        revision=1,
        state=State.CANCELLING,
        expire_time=7,
        retention=8,
        method="",
        handler="h\N{SNOWMAN}",
        caller="' OR 1=1 --",
        service="scanner.example.com",
        lease=9,
        deadline=10,
        conflict_key="the \N{SNOWMAN}",
        exclusive=True,
        trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    assert await store.create(record, b"request") is record
    assert await store.get(record.name) == record
    assert await another.get(record.name) == record
    assert (await another.get(record.name)).exclusive is True


async def test_an_any_of_an_unknown_type_is_kept_byte_for_byte(store: Store) -> None:
    mystery = any_pb2.Any(type_url="type.googleapis.com/no.such.Type", value=b"\x08\x96\x01\xff")
    record = new_record(metadata=mystery)
    await store.create(record, b"")
    stored = await store.get(record.name)
    assert stored is not None
    assert stored.operation == record.operation


async def test_what_is_not_there_is_none(store: Store) -> None:
    assert await store.get("operations/x") is None
    assert await store.delete("operations/x") is False
    assert await store.replace(claimed(new_record())) is False


async def test_many_reads_at_once_each_get_their_own(store: Store) -> None:
    records = await filled(store, *[new_record() for _ in range(300)])
    names = [record.name for record in records] + ["operations/x"]
    wanted = random.Random(1).choices(names, k=1000)
    found = await asyncio.gather(*(store.get(name) for name in wanted))
    assert [record and record.name for record in found] == [
        None if name == "operations/x" else name for name in wanted
    ]


async def test_a_reader_that_goes_away_takes_no_other_with_it(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    reads = [asyncio.create_task(store.get(record.name)) for _ in range(10)]
    await asyncio.sleep(0)
    for read in reads[::2]:
        read.cancel()
    results = await asyncio.gather(*reads, return_exceptions=True)
    assert results[1::2] == [record] * 5


async def test_a_name_and_an_id_are_taken_once(store: Store) -> None:
    record = new_record()
    await store.create(record, b"first")
    same_name = dataclasses.replace(new_record(), name=record.name)
    same_id = dataclasses.replace(new_record(), id=record.id)
    for clash in (record, same_name, same_id):
        with pytest.raises(AlreadyExists) as refused:
            await store.create(clash, b"second")
        assert refused.value.reason == "NAME_TAKEN"
    assert await walk(store, EVERYTHING) == [record]
    (work,) = await store.worklist.claim({"scan": 1}, claimed, limit=1)
    assert work.request == b"first"


# Request ids


async def test_a_request_id_gives_the_operation_of_the_first_time_as_it_is_now(
    store: Store, another: Store
) -> None:
    first = new_record(request_id="r")
    await store.create(first, b"")
    assert await another.replace(claimed(first))
    assert await store.create(new_record(request_id="r"), b"") == claimed(first)
    assert await walk(store, EVERYTHING) == [claimed(first)]


@pytest.mark.parametrize("field", ["caller", "method", "parent"])
async def test_a_request_id_is_of_one_caller_method_and_parent(store: Store, field: str) -> None:
    first = new_record(request_id="r")
    other = dataclasses.replace(new_record(request_id="r"), **{field: "another"})
    await store.create(first, b"")
    assert await store.create(other, b"") is other


async def test_records_without_a_request_id_are_all_different(store: Store) -> None:
    await filled(store, *[new_record(request_id="") for _ in range(3)])
    assert len(await walk(store, EVERYTHING)) == 3


@pytest.mark.parametrize("gone", ["deleted", "purged"])
async def test_a_request_id_is_free_again_when_its_operation_is_gone(
    store: Store, gone: str
) -> None:
    first = new_record(request_id="r", expire_time=NOW)
    await store.create(first, b"")
    if gone == "deleted":
        assert await store.delete(first.name)
    else:
        assert await store.purge(now=NOW + 1, limit=10) == 1
    second = new_record(request_id="r")
    assert await store.create(second, b"") is second


async def test_of_many_who_use_a_request_id_at_once_one_creates(
    store: Store, another: Store
) -> None:
    creating = [
        (store, another)[number % 2].create(new_record(request_id="r"), b"") for number in range(40)
    ]
    names = {record.name for record in await asyncio.gather(*creating)}
    assert len(names) == 1
    assert {record.name for record in await walk(store, EVERYTHING)} == names


# Compare-and-set


async def test_the_next_revision_replaces_what_can_change(store: Store, another: Store) -> None:
    record = new_record(request_id="r")
    await store.create(record, b"request")
    changed = lifecycle.fail(claimed(record), FAILURE, now=NOW + 5)
    changed = dataclasses.replace(changed, revision=2, deadline=NOW + 6)
    assert await store.replace(changed)
    assert await store.get(record.name) == changed
    assert await another.get(record.name) == changed


async def test_a_stale_revision_changes_nothing(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    running = claimed(record)
    assert await store.replace(running)
    assert not await store.replace(claimed(record, "late"))
    skipping = dataclasses.replace(running, revision=4)
    assert not await store.replace(skipping)
    assert await store.get(record.name) == running


async def test_a_deleted_operation_does_not_come_back(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    assert await store.delete(record.name)
    assert not await store.replace(claimed(record))
    assert await store.get(record.name) is None
    assert await store.worklist.claim({"scan": 1}, claimed, limit=1) == []
    assert await store.delete(record.name) is False


async def test_a_write_whose_caller_goes_away_harms_nobody(store: Store) -> None:
    records = [new_record() for _ in range(20)]
    writes = [asyncio.create_task(store.create(record, b"")) for record in records]
    await asyncio.sleep(0)
    for write in writes[::2]:
        write.cancel()
    done = await asyncio.gather(*writes, return_exceptions=True)
    assert done[1::2] == records[1::2]
    for record in records[1::2]:
        assert await store.get(record.name) == record
    for record in records[::2]:
        assert await store.get(record.name) in (None, record)


# Lists


async def test_a_list_is_newest_first_and_goes_on_behind_a_position(store: Store) -> None:
    records = await filled(store, *[new_record() for _ in range(7)])
    first = await store.list(Query(parent=PARENT, limit=3))
    assert list(first.records) == records[:3]
    assert await walk(store, Query(parent=PARENT, limit=3, before=first.position)) == records[3:]


async def test_a_page_that_ends_exactly_at_the_end_leads_to_nothing_more(store: Store) -> None:
    records = await filled(store, *[new_record() for _ in range(4)])
    assert await walk(store, Query(parent=PARENT, limit=2)) == records


async def test_an_empty_store_lists_nothing(store: Store) -> None:
    page = await store.list(EVERYTHING)
    assert (list(page.records), page.position) == ([], "")


async def test_parents_are_kept_apart(store: Store) -> None:
    of = {
        parent: await filled(store, *[new_record(parent=parent) for _ in range(2)])
        for parent in ("", "projects/p", "projects/p/locations/l", "projects/pp", "projects/%")
    }
    for parent, records in of.items():
        assert await walk(store, Query(parent=parent, limit=10)) == records
    everything = sorted(itertools.chain(*of.values()), key=lambda record: record.id, reverse=True)
    assert await walk(store, EVERYTHING) == everything


async def test_a_prefix_selects_parents_that_begin_with_it(store: Store) -> None:
    parents = ("", "projects/p", "projects/p/locations/l", "projects/pp", "projects/%", "users/u")
    await filled(store, *[new_record(parent=parent) for parent in parents])
    for prefix, expected in {
        "": 6,
        "projects/": 4,
        "projects/p": 3,
        "projects/p/": 1,
        "projects/%": 1,
        "projects/_": 0,
    }.items():
        found = await walk(store, Query(parent=None, parent_prefix=prefix, limit=10))
        assert len(found) == expected, prefix


async def test_services_are_kept_apart(store: Store) -> None:
    of = {
        (service, parent): await filled(
            store, *[new_record(service=service, parent=parent) for _ in range(3)]
        )
        for service in ("one", "two", None)
        for parent in ("projects/p", "projects/q")
    }
    for (service, parent), records in of.items():
        if service is not None:
            query = Query(parent=parent, service=service, limit=2)
            assert await walk(store, query) == records
            unfinished = dataclasses.replace(query, bounds=Bounds(done=False))
            assert await walk(store, unfinished) == records
    everywhere = Query(parent=None, service="two", limit=2, scan=4)
    expected = of["two", "projects/q"] + of["two", "projects/p"]
    assert await walk(store, everywhere) == expected


async def test_rows_that_come_and_go_between_pages_disturb_no_others(store: Store) -> None:
    records = await filled(store, *[new_record() for _ in range(6)])
    first = await store.list(Query(parent=PARENT, limit=3))
    await store.delete(records[2].name)  # the one that the position names
    await store.delete(records[4].name)
    await filled(store, new_record())
    rest = await walk(store, Query(parent=PARENT, limit=3, before=first.position))
    assert rest == [records[3], records[5]]


FILTERS = [
    "done=true",
    "done=false",
    "error:*",
    "NOT error:*",
    "error.code=5",
    "error.code!=5",
    "error.code=5 OR error.code=1",
    "response:*",
    "NOT response:*",
    "metadata:*",
    'metadata.@type="type.googleapis.com/google.protobuf.Int64Value"',
    'metadata.@type!="type.googleapis.com/google.protobuf.Int64Value"',
    'NOT metadata.@type="type.googleapis.com/google.protobuf.Int64Value"',
    'response.@type="type.googleapis.com/google.protobuf.Int64Value"',
    'name="projects/p*"',
    'name="projects/p*" AND done=true',
    "done=false AND error:*",
]


async def one_of_each(store: Store) -> list[Record]:
    """Fills a store with operations in every state, with and without metadata."""
    records = []
    for parent in ("projects/p", "projects/q", ""):
        for metadata in (None, packed(1)):
            for state in State:
                record = new_record(parent=parent, metadata=metadata)
                running = claimed(record)
                if state is State.CANCELLED:
                    record = lifecycle.cancel(running, now=NOW)
                elif state is State.FAILED:
                    record = lifecycle.fail(running, FAILURE, now=NOW)
                elif state is State.SUCCEEDED:
                    record = lifecycle.succeed(running, packed(2), now=NOW)
                else:
                    record = dataclasses.replace(record, state=state)
                records.append(record)
    return await filled(store, *records)


async def test_a_list_within_bounds_is_what_the_bounds_admit(store: Store) -> None:
    records = await one_of_each(store)
    names = [f'name="{records[0].name}"', f'name!="{records[1].name}"']
    names.append(f'name="{records[2].name}" OR name="{records[20].name}" OR name="x/operations/1"')
    for text in [*FILTERS, *names]:
        bounds = parse(text).bounds()
        for parent in (None, "projects/p"):
            expected = [
                record
                for record in records
                if parent in (None, record.parent) and bounds.admits(record.message())
            ]
            for limit, scan in ((100, 2048), (3, 2048), (2, 5), (100, 1)):
                query = Query(parent=parent, bounds=bounds, limit=limit, scan=scan)
                assert await walk(store, query) == expected, (text, parent, limit, scan)


async def test_bounds_that_nothing_is_within_select_nothing(store: Store) -> None:
    await one_of_each(store)
    nothing = parse('done=true AND name="a" AND name="b"').bounds()
    assert nothing.nothing
    page = await store.list(Query(parent=None, bounds=nothing, limit=10))
    assert (list(page.records), page.position) == ([], "")


async def test_a_step_that_finds_nothing_gives_up_after_its_scan(store: Store) -> None:
    records = await filled(store, *[new_record() for _ in range(25)])
    never = parse('metadata.@type="type.googleapis.com/no.such.Type"').bounds()
    page = await store.list(Query(parent=PARENT, bounds=never, limit=5, scan=10))
    assert (list(page.records), page.position) == ([], records[9].id)


async def test_newer_ones_of_others_do_not_empty_the_page_of_a_parent(store: Store) -> None:
    mine = await filled(store, *[new_record() for _ in range(3)])
    others = await filled(store, *[new_record(parent="projects/others") for _ in range(25)])
    page = await store.list(Query(parent=PARENT, limit=2, scan=10))
    assert (list(page.records), page.position) == (mine[:2], mine[1].id)
    for record in (*mine, *others[1:]):
        assert await store.delete(record.name)
    assert await walk(store, Query(parent=PARENT, limit=2, scan=10)) == []
    assert await walk(store, Query(parent=None, limit=2, scan=10)) == others[:1]


async def test_what_changes_moves_between_the_lists_of_done(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    running = claimed(record)
    await store.replace(running)
    done = lifecycle.fail(running, FAILURE, now=NOW)
    await store.replace(done)
    assert await walk(store, Query(parent=PARENT, bounds=Bounds(done=False), limit=5)) == []
    assert await walk(store, Query(parent=PARENT, bounds=Bounds(done=True), limit=5)) == [done]
    not_found = parse("error.code=5").bounds()
    assert await walk(store, Query(parent=PARENT, bounds=not_found, limit=5)) == [done]


# Expiry


async def test_a_purge_takes_what_has_expired_a_little_at_a_time(store: Store) -> None:
    expired = [new_record(expire_time=NOW - number) for number in range(1, 6)]
    kept = [new_record(expire_time=0), new_record(expire_time=NOW), new_record(expire_time=NOW + 1)]
    await filled(store, *expired, *kept)
    assert await store.purge(now=NOW, limit=2) == 2
    assert await store.purge(now=NOW, limit=10) == 3
    assert await store.purge(now=NOW, limit=10) == 0
    assert {record.name for record in await walk(store, EVERYTHING)} == {r.name for r in kept}


# Watching


async def test_a_watcher_is_told_of_every_kind_of_change(store: Store) -> None:
    record = new_record()
    for change in (
        lambda: store.create(record, b""),
        lambda: store.replace(claimed(record)),
        lambda: store.delete(record.name),
    ):
        seen = Seen()
        unwatch = store.watch(seen)
        await change()
        await seen.wait(record.name)
        unwatch()
        unwatch()


async def test_a_watch_that_was_ended_is_quiet(store: Store) -> None:
    seen, other = Seen(), Seen()
    store.watch(seen)()
    unwatch = store.watch(other)
    record = new_record()
    await store.create(record, b"")
    await other.wait(record.name)
    unwatch()
    assert not seen.names


async def test_a_change_by_another_process_is_noticed(store: Store, another: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    seen = Seen()
    unwatch = store.watch(seen)
    await another.replace(claimed(record))
    async with asyncio.timeout(10):
        while True:
            await seen.wait(record.name)
            stored = await store.get(record.name)
            if stored is not None and stored.state is State.RUNNING:
                break
            seen.names.clear()
    unwatch()


# The worklist


async def test_what_is_pending_comes_oldest_first_for_the_handlers_asked(store: Store) -> None:
    records = [new_record(handler=handler) for handler in ("a", "b", "a", "c", "b")]
    await filled(store, *records)
    await store.replace(claimed(records[2]))
    worklist = store.worklist
    assert await worklist.pending(["a", "b"], limit=10) == [records[0], records[1], records[4]]
    assert await worklist.pending(["a", "b"], limit=2) == [records[0], records[1]]
    assert await worklist.pending(["z"], limit=2) == []
    assert await worklist.pending([], limit=2) == []


async def test_what_waits_for_its_turn_is_not_pending_yet(store: Store) -> None:
    first, second = [new_record(handler="a", conflict_key="databases/d") for _ in range(2)]
    other = new_record(handler="a")
    await filled(store, first, second, other)
    assert await store.worklist.pending(["a"], limit=2) == [first, other]
    await store.replace(claimed(first))
    assert await store.worklist.pending(["a"], limit=2) == [other]
    await store.delete(first.name)
    assert await store.worklist.pending(["a"], limit=2) == [second, other]


async def test_work_is_orphaned_when_its_owner_lives_no_more(store: Store, another: Store) -> None:
    records = [new_record() for _ in range(4)]
    await filled(store, *records)
    await store.worklist.beat("alive", now=NOW, lease=DAY)
    await store.worklist.beat("expired", now=NOW, lease=1)
    await store.worklist.beat("gone", now=NOW, lease=DAY)
    for record, owner in zip(records, ["alive", "expired", "gone"], strict=False):
        assert await store.replace(claimed(record, owner))
    assert await another.worklist.orphans(["scan"], now=NOW + 2, limit=10) == [
        claimed(records[1], "expired")
    ]
    await another.worklist.retire("gone")
    orphans = [claimed(records[1], "expired"), claimed(records[2], "gone")]
    assert await store.worklist.orphans(["scan"], now=NOW + 2, limit=10) == orphans
    assert await store.worklist.orphans(["scan"], now=NOW + 2, limit=1) == orphans[:1]
    await store.worklist.beat("expired", now=NOW + 2, lease=DAY)
    assert await store.worklist.orphans(["scan"], now=NOW + 3, limit=10) == orphans[1:]


async def test_orphans_are_those_of_the_handlers_that_are_asked_for(store: Store) -> None:
    records = [new_record(handler=handler) for handler in ("gone", "scan", "")]
    await filled(store, *records)
    for record in records:
        assert await store.replace(claimed(record, "nobody"))

    async def found(*handlers: str) -> list[str]:
        orphans = await store.worklist.orphans(handlers, now=NOW, limit=1)
        return [record.handler for record in orphans]

    assert await found("scan", "") == ["scan"]
    assert await found("") == [""]
    assert await found("other") == await found() == []


async def test_work_without_an_owner_and_finished_work_are_nobodys_orphans(store: Store) -> None:
    running = new_record(state=State.RUNNING)
    await filled(store, running, new_record())
    await finished(store, new_record())
    assert await store.worklist.orphans(["scan"], now=NOW + DAY, limit=10) == []


async def test_an_owner_can_see_what_it_holds(store: Store, another: Store) -> None:
    records = [new_record() for _ in range(4)]
    for record in records:
        await store.create(record, b"")
    for record in (records[2], records[0]):
        await store.replace(claimed(record, "me"))
    await store.replace(claimed(records[1], "you"))
    mine = [claimed(records[0], "me"), claimed(records[2], "me")]
    assert await another.worklist.held("me") == mine
    await store.replace(lifecycle.cancel(mine[0], now=NOW))
    assert await store.worklist.held("me") == mine[1:]


async def test_a_cancelling_operation_is_orphaned_too(store: Store) -> None:
    record = new_record()
    await store.create(record, b"")
    running = claimed(record, "nobody")
    cancelling = lifecycle.request_cancel(running, now=NOW)
    await store.replace(running)
    await store.replace(cancelling)
    assert await store.worklist.orphans(["scan"], now=NOW, limit=10) == [cancelling]


# Opening and closing


async def test_what_was_written_is_there_when_the_store_is_opened_again(storage: Storage) -> None:
    store = storage.store()
    await store.open()
    key = store.page_token_key
    record = new_record()
    await store.create(record, b"request")
    done = await finished(store, new_record())
    await store.close()

    for again in (store, storage.store()):
        await again.open()
        assert await again.get(record.name) == record
        assert await again.get(done.name) == done
        assert again.page_token_key == key
        await again.close()

    await store.open()
    (work,) = await store.worklist.claim({"scan": 1}, claimed, limit=1)
    assert work == Work(record=claimed(record), request=b"request", checkpoint=b"")
    await store.close()


async def test_the_key_of_page_tokens_is_secret_and_shared(store: Store, another: Store) -> None:
    assert len(store.page_token_key) == 32
    assert another.page_token_key == store.page_token_key


async def test_closing_answers_the_writes_that_are_under_way(storage: Storage) -> None:
    store = storage.store()
    await store.open()
    records = [new_record() for _ in range(50)]
    writes = [asyncio.create_task(store.create(record, b"")) for record in records]
    await asyncio.gather(*writes[:1])
    await store.close()
    assert await asyncio.gather(*writes) == records


async def test_nobody_waits_for_ever_for_a_store_that_closes(storage: Storage) -> None:
    store = storage.store()
    await store.open()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        for _ in range(2):  # while it closes, and once it is closed
            await asyncio.gather(store.delete("operations/1"), return_exceptions=True)
            await closing


async def test_many_writers_of_one_record_each_revision_once(store: Store, another: Store) -> None:
    """A thousand compare-and-sets from two processes: every revision has one winner."""
    record = new_record(state=State.RUNNING)
    await store.create(record, b"")
    wins: list[int] = []

    async def report(through: Store, value: int) -> None:
        while True:
            current = await through.get(record.name)
            assert current is not None
            following = lifecycle.report(current, packed(value), now=NOW)
            if await through.replace(following):
                wins.append(following.revision)
                return

    await asyncio.gather(*(report((store, another)[n % 2], n) for n in range(100)))
    assert sorted(wins) == list(range(2, 102))
    stored = await another.get(record.name)
    assert stored is not None
    assert stored.revision == 101


def test_succeeded_records_are_done() -> None:
    assert succeeded(new_record()).message().done
