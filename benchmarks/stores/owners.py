"""What it costs a caller to list his ten of many: with the index of callers, and without.

python -m benchmarks.stores.owners [--operations 1000000]
"""

import argparse
import asyncio
import dataclasses
import statistics
import time
from collections.abc import Iterator

from benchmarks.stores.places import fill, new_store, places
from benchmarks.stores.records import PARENT, records
from longrunning import Operations
from longrunning.auth import Access, Authenticated, Authorizer, Caller, OwnerOnly
from longrunning.lifecycle import Record

ALICE = Caller(subject="alice", issuer="https://accounts.example.com")
HERS, OTHERS, CALLS = 10, 1000, 20


class LooksAtAll(Authenticated):
    """What `OwnerOnly` says of each operation, without knowing beforehand whose they are."""

    async def may_use(self, access: Access, record: Record) -> bool:
        return record.caller == access.caller.id


def owned(count: int) -> Iterator[Record]:
    """Yields operations of many callers who take turns, and now and then one of alice."""
    for number, record in enumerate(records(count)):
        other = f"https://accounts.example.com#user-{number * 7919 % OTHERS}"
        hers = number % (count // HERS) == 0
        yield dataclasses.replace(record, parent=PARENT, caller=ALICE.id if hers else other)


async def first_page(operations: Operations, name: str) -> float:
    """Returns milliseconds: the median of some calls."""
    taken = []
    for _ in range(CALLS):
        begun = time.perf_counter()
        await operations.list(name, caller=ALICE)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken) * 1000


async def whole(operations: Operations, name: str) -> tuple[int, float]:
    """Returns how many calls a list to its end takes, and how many seconds."""
    begun, calls, found, token = time.perf_counter(), 0, 0, ""
    while calls == 0 or token:
        page = await operations.list(name, page_token=token, caller=ALICE)
        calls, found, token = calls + 1, found + len(page.operations), page.next_page_token
    assert found == HERS
    return calls, time.perf_counter() - begun


async def main(count: int) -> None:
    print("| store | authorizer | list | ms, first page | calls | s |")
    print("| --- | --- | --- | --- | --- | --- |")
    authorizers: list[Authorizer] = [OwnerOnly(), LooksAtAll()]
    with places() as where:
        for kind in ("sqlite", "postgres"):
            store = new_store(kind, where, "owners")
            await store.open()
            await fill(store, count, owned(count))
            await store.close()
            for authorizer in authorizers:
                async with Operations(store, authorizer=authorizer) as operations:
                    for name in (PARENT, "projects/-/locations/l"):
                        milliseconds = await first_page(operations, name)
                        calls, seconds = await whole(operations, name)
                        how = type(authorizer).__name__
                        figures = f"{milliseconds:.2f} | {calls} | {seconds:.2f}"
                        print(f"| {kind} | {how} | {name} | {figures} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    asyncio.run(main(parser.parse_args().operations))
