"""Many callers of WaitOperation in one process: what each costs, and how soon the last one knows.

    python -m benchmarks.stores.waiters [--waiters 10000]

A thousand wait for one operation, the others for one each. The change is made by the process
itself, and then through another store on the same place, as another process would make it.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import statistics
import time
from pathlib import Path

from benchmarks.stores.places import new_store, places
from longrunning import Operations

TOGETHER = 1000
RUNS = 7


def resident_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


async def change_to_last(here: Operations, there: Operations) -> float:
    """Returns milliseconds from the end of the change to the answer of the last of a thousand."""
    name = (await there.create()).name
    waits = [asyncio.create_task(here.wait(name)) for _ in range(TOGETHER)]
    await asyncio.sleep(0.3)
    await there.succeed(name)
    begun = time.perf_counter()
    answers = await asyncio.gather(*waits)
    taken = time.perf_counter() - begun
    assert all(answer.done for answer in answers)
    return taken * 1000


async def measure(here: Operations, there: Operations, count: int) -> tuple[float, float, float]:
    """Returns KiB per waiter, and the milliseconds to the last of a thousand.

    Those are the medians for a change of this process's own, and for one of another process.
    """
    names = [(await here.create()).name for _ in range(count - TOGETHER)]
    gc.collect()
    before = resident_kib()
    waits = [asyncio.create_task(here.wait(name)) for name in names]
    await asyncio.sleep(1)
    each = (resident_kib() - before) / len(waits)
    own = [await change_to_last(here, here) for _ in range(RUNS)]
    crossing = [await change_to_last(here, there) for _ in range(RUNS)]
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return each, statistics.median(own), statistics.median(crossing)


async def main(count: int) -> None:
    print("| store | KiB per waiter | ms to the last of 1,000 | by another process |")
    print("| --- | --- | --- | --- |")
    with places() as where:
        for kind in ("memory", "sqlite", "postgres"):
            stores = [new_store(kind, where, "waits") for _ in range(2)]
            here = there = Operations(stores[0])
            async with here, contextlib.AsyncExitStack() as others:
                if kind != "memory":
                    there = await others.enter_async_context(Operations(stores[1]))
                each, own, crossing = await measure(here, there, count)
            crossed = "" if here is there else f"{crossing:.0f}"
            print(f"| {kind} | {each:.1f} | {own:.0f} | {crossed} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, default=10_000)
    asyncio.run(main(parser.parse_args().waiters))
