"""A wait here ends when another process, a real one, finishes the work or forgets it."""

import asyncio
import sys

import pytest

from longrunning import OperationNotFound, Operations
from longrunning.stores import store_from_url

_OTHER_PROCESS = """
import asyncio, sys
from longrunning import Operations
from longrunning.stores import store_from_url

async def main(url, name, change):
    async with Operations(store_from_url(url)) as operations:
        await getattr(operations, change)(name)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("change", ["succeed", "delete"])
async def test_a_change_by_another_process_ends_every_wait_for_it(url: str, change: str) -> None:
    async with Operations(store_from_url(url)) as operations:
        name = (await operations.create(parent="projects/p")).name
        other = (await operations.create(parent="projects/p")).name
        waits = [asyncio.create_task(operations.wait(name, 60)) for _ in range(200)]
        unaffected = asyncio.create_task(operations.wait(other, 60))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _OTHER_PROCESS, url, name, change
        )
        async with asyncio.timeout(30):
            assert await process.wait() == 0
            answers = await asyncio.gather(*waits, return_exceptions=True)
        if change == "succeed":
            assert all(answer.done for answer in answers)
        else:
            assert {type(answer) for answer in answers} == {OperationNotFound}
        assert not unaffected.done()
        unaffected.cancel()
        await asyncio.gather(unaffected, return_exceptions=True)
