"""A service's own operations, open in memory."""

import pytest
from google.protobuf import wrappers_pb2

from longrunning import AsyncOperationContext, Operations, SQLiteStore
from longrunning.testing import FakeClock, in_memory

TEXT = wrappers_pb2.StringValue


async def test_what_was_declared_is_back_in_place_afterwards() -> None:
    store = SQLiteStore("/nowhere/operations.db")
    operations = Operations(store)
    engine, clock = operations.engine, operations.clock
    with pytest.raises(KeyError):
        async with in_memory(operations):
            raise KeyError
    assert (operations.store, operations.engine, operations.clock) == (store, engine, clock)


async def test_handlers_run_whatever_their_labels_and_however_the_clock_moves() -> None:
    operations, clock = Operations(SQLiteStore("/nowhere/operations.db")), FakeClock()

    @operations.handler(labels=["gpu"], response=TEXT)
    async def work(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        clock.advance(365 * 24 * 60 * 60)
        await operations.wait(operation.name, 0.3)  # many a sweep
        return request

    async with in_memory(operations, clock=clock):
        name = (await operations.start(work, TEXT(value="a"))).name
        assert (await operations.wait(name, 20)).HasField("response")


async def test_each_time_is_empty() -> None:
    operations = Operations(SQLiteStore("/nowhere/operations.db"))
    for _ in range(2):
        async with in_memory(operations):
            assert not (await operations.list()).operations
            await operations.create()


async def test_what_is_open_stays_open() -> None:
    operations = Operations(SQLiteStore("/nowhere/operations.db"))
    async with in_memory(operations):
        with pytest.raises(RuntimeError, match="is open already"):
            async with in_memory(operations):
                pass
        assert not (await operations.list()).operations
