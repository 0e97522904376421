"""The limit of a statement's time, where its cancellation gets lost."""

import asyncio
import contextlib

import pytest

from longrunning.stores.postgres.time_limit import time_limit


async def deaf(times: int) -> None:
    """Takes long, and loses some cancellations."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
    await asyncio.sleep(60)


@pytest.mark.parametrize("lost", [0, 1, 3])
async def test_what_takes_too_long_is_cancelled_until_it_has_ended(lost: int) -> None:
    task = asyncio.current_task()
    assert task is not None
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            async with time_limit(0.01, again=0.01):
                await deaf(lost)
    assert task.cancelling() == 0
    await asyncio.sleep(0.05)  # nothing follows


async def test_what_ends_otherwise_when_it_is_cancelled_has_taken_too_long_all_the_same() -> None:
    async def trip() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as error:
            raise TypeError from error  # as psycopg may, of a pipeline

    with pytest.raises(TimeoutError):
        async with time_limit(0.01):
            await trip()


async def test_what_is_in_time_is_left_alone() -> None:
    async with time_limit(0.05, again=0.01):
        await asyncio.sleep(0)
    await asyncio.sleep(0.1)


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def run() -> None:
        async with time_limit(0.02, again=0.01):
            await deaf(1)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()  # this one is lost, and the next ones are the limit's
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_it_raises_comes_through() -> None:
    with pytest.raises(LookupError):
        async with time_limit(1):
            raise LookupError
