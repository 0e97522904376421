"""Lists whose authorizer knows whose operations they show: quick, and otherwise the same."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longrunning import InvalidArgument, MemoryStore, Operations, Store
from longrunning.auth import Access, Authenticated, Caller, OwnerOnly
from longrunning.lifecycle import Record, State
from tests.longrunning.stores.records import PARENT, new_record

ALICE, BOB, CAROL = (
    Caller(subject=name, issuer="https://issuer.example") for name in ("alice", "bob", "carol")
)


class LooksAtAll(Authenticated):
    """What `OwnerOnly` says of each operation, without knowing beforehand whose they are."""

    async def may_use(self, access: Access, record: Record) -> bool:
        return record.caller == access.caller.id


async def pages(operations: Operations, caller: Caller, **asked: Any) -> list[list[str]]:
    found, token = [], ""
    while True:
        page = await operations.list(**asked, page_token=token, caller=caller)
        found.append([operation.name for operation in page.operations])
        if not (token := page.next_page_token):
            return found


async def listed(operations: Operations, caller: Caller, **asked: Any) -> list[str]:
    return list(itertools.chain(*await pages(operations, caller, **asked)))


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, None]], None]]:
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def test_a_list_that_is_bounded_shows_what_looking_at_all_of_them_shows(
    run: Callable[[Coroutine[Any, Any, None]], None],
) -> None:
    async def agree(kinds: list[tuple[str, str, State]], asked: dict[str, Any]) -> None:
        store = MemoryStore()
        for caller, parent, state in kinds:
            await store.create(new_record(caller=caller, parent=parent, state=state), b"")
        async with (
            Operations(store, authorizer=OwnerOnly()) as bounded,
            Operations(store, authorizer=LooksAtAll()) as looking,
        ):
            for caller in (ALICE, BOB, CAROL):
                names = [await listed(each, caller, **asked) for each in (bounded, looking)]
                assert names[0] == names[1]

    @settings(max_examples=60, database=None)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["", ALICE.id, BOB.id]),
                st.sampled_from([PARENT, "projects/q/locations/l"]),
                st.sampled_from([State.SUCCEEDED, State.RUNNING]),
            ),
            max_size=10,
        ),
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(
                    [PARENT, "projects/-/locations/-", "projects/p/locations/-"]
                ),
                "filter": st.sampled_from(["", "done=true", "done=false", "name:operations"]),
                "page_size": st.integers(1, 3),
            }
        ),
    )
    def check(kinds: list[tuple[str, str, State]], asked: dict[str, Any]) -> None:
        run(agree(kinds, asked))

    check()


async def with_few_of_many(store: Store) -> list[str]:
    """Fills a store with other people's operations; returns alice's, which are older."""
    mine = [new_record(caller=ALICE.id) for _ in range(10)]
    others = [new_record(caller=f"issuer#{number % 50}") for number in range(2500)]
    await asyncio.gather(*(store.create(record, b"") for record in (*mine, *others)))
    return [record.name for record in reversed(mine)]


@pytest.mark.parametrize("asked", [{}, {"filter": "done=false"}, {"filter": "name:operations"}])
async def test_few_of_many_are_one_full_page(store: Store, asked: dict[str, str]) -> None:
    async with Operations(store, authorizer=OwnerOnly()) as operations:
        mine = await with_few_of_many(store)
        assert await pages(operations, ALICE, name=PARENT, **asked) == [mine]
        assert await pages(operations, BOB, name=PARENT, **asked) == [[]]
        first = await operations.list(PARENT, page_size=4, caller=ALICE, **asked)
        assert [operation.name for operation in first.operations] == mine[:4]
        with pytest.raises(InvalidArgument, match="it belongs to another list"):
            await operations.list(
                PARENT, page_size=4, caller=BOB, page_token=first.next_page_token, **asked
            )
    async with Operations(store, authorizer=LooksAtAll()) as operations:
        assert len(await pages(operations, ALICE, name=PARENT, **asked)) > 1


async def test_with_any_parent_they_are_found_on_the_way(store: Store) -> None:
    async with Operations(store, authorizer=OwnerOnly()) as operations:
        mine = await with_few_of_many(store)
        assert await listed(operations, ALICE, name="projects/-/locations/-") == mine


async def test_some_may_see_what_is_everybodys() -> None:
    class AdminsSeeAll(OwnerOnly):
        async def may_use(self, access: Access, record: Record) -> bool:
            return access.caller == BOB or await super().may_use(access, record)

        async def listed_owner(self, access: Access) -> str | None:
            return None if access.caller == BOB else await super().listed_owner(access)

    store = MemoryStore()
    async with Operations(store, authorizer=AdminsSeeAll()) as operations:
        for caller in (ALICE, BOB, CAROL):
            await store.create(new_record(caller=caller.id), b"")
        seen = [await listed(operations, who, name=PARENT) for who in (ALICE, BOB, CAROL)]
    assert list(map(len, seen)) == [1, 3, 1]


@pytest.mark.parametrize("owner", [ALICE.id, ""])
async def test_a_wrong_owner_shows_nobody_elses_operations(owner: str) -> None:
    asked: list[str] = []

    class Mistaken(OwnerOnly):
        async def listed_owner(self, access: Access) -> str | None:
            return owner

        async def may_use(self, access: Access, record: Record) -> bool:
            asked.append(record.caller)
            return await super().may_use(access, record)

    store = MemoryStore()
    async with Operations(store, authorizer=Mistaken()) as operations:
        await store.create(new_record(caller=owner), b"")
        assert await listed(operations, BOB, name=PARENT) == []
    assert asked == [owner]


async def test_the_service_itself_sees_everything() -> None:
    store = MemoryStore()
    async with Operations(store, authorizer=OwnerOnly()) as operations:
        for caller in ("", ALICE.id):
            await store.create(new_record(caller=caller), b"")
        assert len((await operations.list(PARENT)).operations) == 2


class AdminsToo(OwnerOnly):
    """Lets somebody see everything, and says nothing of lists."""

    async def may_use(self, access: Access, record: Record) -> bool:
        return access.caller == CAROL or await super().may_use(access, record)


async def test_whoever_sees_more_than_his_own_sees_it_in_lists_too() -> None:
    store = MemoryStore()
    for caller in (ALICE, BOB):
        await store.create(new_record(caller=caller.id), b"")
    async with Operations(store, authorizer=AdminsToo()) as operations:
        assert len(await listed(operations, CAROL, name=PARENT)) == 2
        assert len(await listed(operations, ALICE, name=PARENT)) == 1
