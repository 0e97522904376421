"""What a page of ListOperations costs, first and thousandth, with and without a filter.

    python -m benchmarks.stores.lists [--operations 1000000]

The same on 10,000 operations and on many: pages of five, so that both have a thousand of them.
"""

import argparse
import asyncio
import gc
import statistics
import time

from benchmarks.stores.places import PARENT, fill, new_store, places
from longrunning import Operations

FEW = 10_000
CALLS = 300
LISTS = {
    "all": {"name": PARENT},
    "done = true": {"name": PARENT, "filter": "done = true"},
    "done = false": {"name": PARENT, "filter": "done = false"},
    "error.code = 13": {"name": PARENT, "filter": "error.code = 13"},
    "matches nothing": {"name": PARENT, "filter": "metadata.@type = type.googleapis.com/no.Such"},
    "projects/-": {"name": "projects/-/locations/l"},
}
THOUSANDTH = ("all", "done = true", "projects/-")


async def token_of_page(operations: Operations, page: int, asked: dict[str, str]) -> str:
    token = ""
    for _ in range(page - 1):
        reply = await operations.list(**asked, page_size=5, page_token=token)
        token = reply.next_page_token
        assert token, "there are not so many pages"
    return token


async def cost(operations: Operations, token: str, asked: dict[str, str]) -> float:
    """Returns milliseconds: the median of many calls."""
    taken = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await operations.list(**asked, page_size=5, page_token=token)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


async def costs(operations: Operations) -> dict[str, float]:
    measured = {}
    for title, asked in LISTS.items():
        measured[f"first page, {title}"] = await cost(operations, "", asked)
        if title in THOUSANDTH:
            token = await token_of_page(operations, 1000, asked)
            measured[f"page 1,000, {title}"] = await cost(operations, token, asked)
    return measured


async def main(many: int) -> None:
    print(
        "| store | page | ms at 10,000 | ms at",
        f"{many:,} | ratio |\n| --- | --- | --- | --- | --- |",
    )
    with places() as where:
        for kind in ("sqlite", "postgres"):
            measured = []
            for count in (FEW, many):
                store = new_store(kind, where, f"lists_{count}")
                async with Operations(store) as operations:
                    begun = time.perf_counter()
                    await fill(store, count)
                    print(f"<!-- {kind}: {count:,} in {time.perf_counter() - begun:.0f} s -->")
                    gc.collect()
                    measured.append(await costs(operations))
            few, lots = measured
            for title in few:
                ratio = lots[title] / few[title]
                print(f"| {kind} | {title} | {few[title]:.2f} | {lots[title]:.2f} | {ratio:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().operations))
