"""What of a filter a store decides in its own query, and what is decided after: both must agree."""

import asyncio
import dataclasses
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from google.longrunning.operations_pb2 import Operation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longrunning.filters import Filter, parse
from longrunning.lifecycle import Record, State
from longrunning.stores import Query, Store
from tests.longrunning.filters.samples import POOL
from tests.longrunning.filters.test_properties import expressions, operations
from tests.longrunning.stores.records import new_record
from tests.longrunning.stores.storages import Storage

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs coroutines to their end on one loop, from tests that are plain functions."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def record_of(operation: Operation, number: int) -> Record:
    """An operation as a store could hold it: with a name of its own, done if it has an outcome."""
    outcome = operation.WhichOneof("result")
    operation.done = outcome is not None
    operation.name = f"{operation.name}/{number}"
    states = {None: State.RUNNING, "error": State.FAILED, "response": State.SUCCEEDED}
    return new_record(
        name=operation.name,
        parent="projects/p" if number % 2 else "",
        state=states[outcome],
        operation=operation.SerializeToString(),
    )


async def evaluated(store: Store, asked: Filter, query: Query) -> list[Record]:
    """The pages of a list, each filtered once more, as the view does."""
    selected: list[Record] = []
    while True:
        page = await store.list(query)
        for record in page.records:
            assert query.bounds.admits(record.message())
            if asked.matches(record.message()):
                selected.append(record)
        if not page.position:
            return selected
        query = dataclasses.replace(query, before=page.position)


def test_pushed_down_and_evaluated_agree(storage: Storage, run: Run) -> None:
    store = storage.store()
    run(store.open())

    async def agree(
        messages: list[Operation], filters: list[Filter], parent: str | None, limit: int, scan: int
    ) -> None:
        records = [record_of(operation, number) for number, operation in enumerate(messages)]
        for record in records:
            await store.create(record, b"")
        newest_first = sorted(records, key=lambda record: record.id, reverse=True)
        for asked in filters:
            expected = [
                record
                for record in newest_first
                if parent in (None, record.parent) and asked.matches(record.message())
            ]
            query = Query(parent=parent, bounds=asked.bounds(), limit=limit, scan=scan)
            assert await evaluated(store, asked, query) == expected, str(asked)
        for record in records:
            await store.delete(record.name)

    @settings(max_examples=40, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(operations, min_size=1, max_size=6),
        st.lists(expressions.map(lambda each: parse(str(each), pool=POOL)), max_size=8),
        st.sampled_from([None, "projects/p"]),
        st.integers(1, 4),
        st.sampled_from([1, 2, 2048]),
    )
    def check(
        messages: list[Operation], filters: list[Filter], parent: str | None, limit: int, scan: int
    ) -> None:
        run(agree(messages, filters, parent, limit, scan))

    check()
    run(store.close())
