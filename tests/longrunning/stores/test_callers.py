"""Lists of one caller's operations: what an index finds is what looking at all of them finds."""

import asyncio
import dataclasses

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longrunning.filters import parse
from longrunning.lifecycle import Record, State
from longrunning.stores import Query, SQLiteStore, Store
from longrunning.stores.migrations import Migratable
from longrunning.stores.paging import statements
from longrunning.stores.postgres.queries import Queries
from longrunning.stores.sqlite import queries as sqlite_queries
from tests.longrunning.stores.records import PARENT, new_record
from tests.longrunning.stores.storages import PostgresSchema, SQLiteFile, Storage
from tests.longrunning.stores.test_contract import filled, walk
from tests.longrunning.stores.test_pushdown import Run, run

__all__ = ["run"]  # a fixture

ALICE = "https://issuer.example#alice"
CALLERS = ("", ALICE, "https://issuer.example#alic", "https://issuer.example#bob")
PARENTS = ("projects/p", "projects/p/locations/l", "")
KINDS = st.tuples(
    st.sampled_from(CALLERS),
    st.sampled_from(PARENTS),
    st.sampled_from([None, "one", "two"]),
    st.sampled_from([State.RUNNING, State.SUCCEEDED]),
)
QUERIES = st.builds(
    Query,
    parent=st.sampled_from([None, *PARENTS]),
    parent_prefix=st.sampled_from(["", "projects/"]),
    service=st.sampled_from([None, "one"]),
    bounds=st.sampled_from(["", "done=true", "done=false", "response:*", 'name="projects/*"']).map(
        lambda text: parse(text).bounds()
    ),
    limit=st.integers(1, 4),
    scan=st.sampled_from([1, 3, 2048]),
)


def test_the_list_of_a_caller_is_the_list_of_all_without_the_others(
    storage: Storage, run: Run
) -> None:
    store = storage.store()
    run(store.open())

    async def agree(kinds: list[tuple[str, str, str | None, State]], query: Query) -> None:
        records = await filled(
            store,
            *(
                new_record(caller=caller, parent=parent, service=service, state=state)
                for caller, parent, service, state in kinds
            ),
        )
        everyones = await walk(store, query)
        for caller in CALLERS:
            expected = [record for record in everyones if record.caller == caller]
            assert await walk(store, dataclasses.replace(query, caller=caller)) == expected
        for record in records:
            await store.delete(record.name)

    @settings(max_examples=60, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(KINDS, max_size=12), QUERIES)
    def check(kinds: list[tuple[str, str, str | None, State]], query: Query) -> None:
        run(agree(kinds, query))

    check()
    run(store.close())


async def with_few_of_many(store: Store) -> list[Record]:
    """Fills a store with other people's operations; returns alice's, which are older."""
    mine = await filled(store, *(new_record(caller=ALICE) for _ in range(5)))
    others = (new_record(caller=f"issuer#{number % 50}") for number in range(2500))
    await asyncio.gather(*(store.create(record, b"") for record in others))
    return mine


FEW = [
    Query(parent=PARENT, caller=ALICE, bounds=bounds, limit=64, scan=20)
    for bounds in (parse("").bounds(), parse("done=false").bounds())
]


async def test_few_of_many_are_one_page(store: Store) -> None:
    mine = await with_few_of_many(store)
    for query in FEW:
        page = await store.list(query)
        assert (list(page.records), page.position) == (mine, ""), query
    first = await store.list(Query(parent=PARENT, caller=ALICE, limit=2))
    assert (list(first.records), first.position) == (mine[:2], mine[1].id)


@pytest.mark.parametrize("storage", ["sqlite"], indirect=True)
@pytest.mark.parametrize("query", FEW)
async def test_sqlite_walks_down_the_index_of_callers(
    storage: SQLiteFile, store: SQLiteStore, query: Query
) -> None:
    await with_few_of_many(store)
    for analyzed in (False, True):
        if analyzed:
            await store.write(lambda connection: connection.execute("ANALYZE").rowcount)
        for service in (None, "one"):
            asked = dataclasses.replace(query, service=service, before="z")
            floor, page, values = statements(asked, sqlite_queries.DIALECT)
            for statement in filter(None, (floor, page)):
                plan = store._listing.execute(
                    f"EXPLAIN QUERY PLAN {statement}", {**values, "floor": ""}
                ).fetchall()
                (step,) = [row[3] for row in plan]
                assert " operations_by_caller (caller=? AND parent=? AND " in step


@pytest.mark.parametrize("storage", ["postgres"], indirect=True)
@pytest.mark.parametrize("query", FEW)
async def test_postgres_walks_down_the_index_of_callers(
    storage: PostgresSchema, store: Store, query: Query
) -> None:
    await with_few_of_many(store)
    dialect = Queries(storage.schema).dialect
    async with await psycopg.AsyncConnection.connect(
        storage.server.url, autocommit=True
    ) as connection:
        await connection.execute(f"VACUUM ANALYZE {dialect.table}")
        for service in (None, "one"):
            floor, page, values = statements(
                dataclasses.replace(query, service=service, before="z"), dialect
            )
            for statement in filter(None, (floor, page)):
                rows = await connection.execute(f"EXPLAIN {statement}", {**values, "floor": ""})
                plan = "\n".join([row[0] for row in await rows.fetchall()])
                assert "operations_by_caller" in plan, plan


OLDER = [
    "DROP INDEX operations_by_caller",
    "DELETE FROM migrations WHERE version = 2",
]


@pytest.mark.parametrize("storage", ["sqlite", "postgres"], indirect=True)
async def test_what_was_there_before_the_index_is_in_it(storage: Storage, store: Store) -> None:
    mine = await with_few_of_many(store)
    if isinstance(storage, PostgresSchema):
        async with await psycopg.AsyncConnection.connect(storage.server.url) as connection:
            await connection.execute(f"SET search_path = {storage.schema}")
            for statement in OLDER:
                await connection.execute(statement)
    elif isinstance(store, SQLiteStore):
        for statement in OLDER:
            await store.write(lambda connection, text=statement: connection.execute(text).rowcount)  # type: ignore[misc]
    # A process that has not been upgraded goes on, and an upgraded one migrates beside it.
    upgraded = storage.store()
    assert isinstance(upgraded, Migratable)
    migrated = await upgraded.migrate()
    assert (migrated.before, migrated.after) == (1, 2)
    await upgraded.open()
    added = await filled(store, new_record(caller=ALICE))
    assert await walk(upgraded, FEW[0]) == [*added, *mine]
    await upgraded.close()
