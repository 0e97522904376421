"""Whole durable lifecycles a second: create, claim, succeed, each on disk before it returns.

python -m benchmarks.stores.lifecycles [--callers 256] [--owners 1000]
"""

import argparse
import asyncio
import dataclasses
import statistics
import time

from google.protobuf import any_pb2

from benchmarks.stores.places import new_store, places
from longrunning import lifecycle
from longrunning.clock import system_clock
from longrunning.ledger import Ledger, NewOperation
from longrunning.services import Service
from longrunning.stores import Store

RUNS = 5
TOTAL = {"memory": 20_000, "sqlite": 20_000, "postgres": 3_000}
REQUEST = any_pb2.Any(type_url="type.googleapis.com/bench.Request", value=b"x" * 100)
RESPONSE = any_pb2.Any(type_url="type.googleapis.com/bench.Result", value=b"x" * 60)


async def lifecycles(store: Store, callers: int, total: int, owners: int) -> float:
    """Returns how many a second."""
    ledger = Ledger(store, clock=system_clock, domain="bench", max_operation_bytes=1 << 20)
    new = NewOperation(
        parent="projects/p/locations/l",
        method="bench.Scanner/Scan",
        handler="scan",
        caller="",
        request_id="",
        request=REQUEST,
        metadata=None,
        retention=10**12,
        service=Service(),
    )
    left = total

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            wanted = new
            if owners:
                owner = f"https://accounts.example.com#user-{left % owners}"
                wanted = dataclasses.replace(new, caller=owner)
            record = await ledger.create(wanted)
            record = await ledger.advance(
                record.name,
                lambda record, now: lifecycle.claim(record, owner="worker", now=now),
                known=record,
            )
            await ledger.advance(
                record.name,
                lambda record, now: lifecycle.succeed(record, RESPONSE, now=now),
                attempt=record.attempt,
            )

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return total / (time.perf_counter() - begun)


async def main(callers: int, owners: int) -> None:
    print(f"| store | lifecycles/s, {callers} callers, {RUNS} runs | spread |\n| --- | --- | --- |")
    with places() as where:
        for kind, total in TOTAL.items():
            measured = []
            for run in range(RUNS):
                store = new_store(kind, where, f"lives_{run}")
                await store.open()
                measured.append(await lifecycles(store, callers, total, owners))
                await store.close()
            spread = f"{min(measured):,.0f} to {max(measured):,.0f}"
            print(f"| {kind} | {statistics.median(measured):,.0f} | {spread} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=256)
    parser.add_argument("--owners", type=int, default=0, help="take turns; 0: the service itself")
    options = parser.parse_args()
    asyncio.run(main(options.callers, options.owners))
