"""Waiters are woken by a change, even if the store cannot be read just then."""

import asyncio

import pytest

from longrunning import MemoryStore, Unavailable, lifecycle, waiters
from longrunning.lifecycle import Record, State
from longrunning.waiters import Waiters
from tests.longrunning.stores.records import NOW, new_record, packed


class Flickering(MemoryStore):
    """Cannot be read the first time after a change."""

    dark = False

    async def replace(self, record: Record) -> bool:
        self.dark = True
        return await super().replace(record)

    async def get(self, name: str) -> Record | None:
        if self.dark:
            self.dark = False
            raise Unavailable("The store cannot serve this now.", reason="STORE_UNAVAILABLE")
        return await super().get(name)


async def test_a_change_that_could_not_be_looked_at_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiters, "_RETRY_SECONDS", 0.01)
    store = Flickering()
    record = new_record(state=State.RUNNING)
    await store.create(record, b"")
    async with asyncio.timeout(10):
        waiting = asyncio.create_task(Waiters(store).wait(record.name, 60))
        await asyncio.sleep(0)
        done = lifecycle.succeed(record, packed(1), now=NOW)
        assert await store.replace(done)
        assert await waiting == done
