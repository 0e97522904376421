"""95 Gets, 4 reports and 1 start of each 100 calls, sent at a fixed rate whatever the answers do.

    python -m benchmarks.serving.clients.mixing GRPC HEADERS RATE SECONDS

A latency is counted from when the call was due, so that a server that stalls is not spared the
calls that came meanwhile. Prints JSON: the milliseconds of each kind, in percentiles.
"""

import asyncio
import json
import sys
import time

import grpc.aio

from benchmarks.serving.clients.work_stub import WorkStub

OPERATIONS = 200
PERCENTILES = {"p50": 0.5, "p99": 0.99, "p999": 0.999}


def percentiles(latencies: list[float]) -> dict[str, float]:
    latencies.sort()
    return {
        name: latencies[min(int(len(latencies) * part), len(latencies) - 1)] * 1000
        for name, part in PERCENTILES.items()
    }


async def main(address: str, headers: dict[str, str], rate: float, seconds: float) -> None:
    latencies: dict[str, list[float]] = {"Get": [], "report": [], "start": []}
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkStub(channel, headers)
        names = list(await asyncio.gather(*(stub.create() for _ in range(OPERATIONS))))
        reporting: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in names}

        async def call(number: int, due: float) -> None:
            name, kind = names[number * 7 % OPERATIONS], number % 100
            if kind == 0:
                title = "start"
                await stub.create()
            elif kind % 25 == 1:
                title = "report"
                async with reporting[name]:  # an operation has one worker
                    await stub.report(name)
            else:
                title = "Get"
                await stub.get(name)
            latencies[title].append(time.perf_counter() - due)

        await asyncio.gather(*(call(number, time.perf_counter()) for number in range(100)))
        for measured in latencies.values():
            measured.clear()
        calls = []
        begun = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            ahead = due - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            calls.append(asyncio.create_task(call(number, due)))
        await asyncio.gather(*calls)
        taken = time.perf_counter() - begun
    json.dump(
        {
            "rate": len(calls) / taken,
            "count": len(calls),
            **{title: percentiles(measured) for title, measured in latencies.items()},
        },
        sys.stdout,
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
