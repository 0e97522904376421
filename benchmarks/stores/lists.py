"""What a page of ListOperations costs, first and thousandth, with and without a filter.

    python -m benchmarks.stores.lists [--operations 1000000]

The same on 10,000 operations and on many: pages of five, so that both have a thousand of them.
"""

import argparse
import asyncio
import gc
import statistics
import time

from benchmarks.stores.places import fill, new_store, places
from benchmarks.stores.records import PARENT
from longrunning import Operations

FEW = 10_000
ROUNDS, CALLS = 7, 50
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
    """Returns milliseconds: the median of some calls."""
    taken = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await operations.list(**asked, page_size=5, page_token=token)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


async def costs(small: Operations, large: Operations) -> dict[str, tuple[float, float]]:
    """Measures both in turn, several times over, so that a busy minute hits both."""
    pages = {}
    for title, asked in LISTS.items():
        pages[f"first page, {title}"] = asked, ("", "")
        if title in THOUSANDTH:
            tokens = [await token_of_page(each, 1000, asked) for each in (small, large)]
            pages[f"page 1,000, {title}"] = asked, tokens
    measured = {title: ([], []) for title in pages}
    for _ in range(ROUNDS):
        for title, (asked, tokens) in pages.items():
            for number, operations in enumerate((small, large)):
                measured[title][number].append(await cost(operations, tokens[number], asked))
    return {
        title: (statistics.median(few), statistics.median(many))
        for title, (few, many) in measured.items()
    }


async def main(many: int) -> None:
    print(
        "| store | page | ms at 10,000 | ms at",
        f"{many:,} | ratio |\n| --- | --- | --- | --- | --- |",
    )
    with places() as where:
        for kind in ("sqlite", "postgres"):
            small = Operations(new_store(kind, where, "small"))
            large = Operations(new_store(kind, where, "large"))
            async with small, large:
                await fill(small.store, FEW)
                await fill(large.store, many)
                gc.collect()
                measured = await costs(small, large)
            for title, (few, lots) in measured.items():
                print(f"| {kind} | {title} | {few:.2f} | {lots:.2f} | {lots / few:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().operations))
