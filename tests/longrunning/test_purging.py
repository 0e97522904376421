"""Purging goes on in the background, in nobody's way."""

import asyncio

from longrunning import MemoryStore, Operations
from tests.longrunning.conftest import Clock


async def test_others_get_their_turn_between_the_steps_of_a_purge(clock: Clock) -> None:
    async with Operations(MemoryStore(), clock=clock) as operations:
        operations._purging.stop()  # has not begun
        for _ in range(2000):
            await operations.succeed((await operations.create(retention=1)).name)
        clock.advance(2)
        purging = asyncio.create_task(operations._purging.purge())
        turns = 0
        while not purging.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns >= 10
        assert not (await operations.list()).operations
