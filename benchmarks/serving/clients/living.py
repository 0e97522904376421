"""Callers that each start empty work and wait for its end, over gRPC.

    python -m benchmarks.serving.clients.living GRPC HEADERS CALLERS SECONDS

Prints JSON: how many whole lives a second there were, and how many.
"""

import asyncio
import json
import sys
import time

import grpc.aio

from benchmarks.serving.clients.work_stub import WorkStub

MOST = 100_000


async def main(address: str, headers: dict[str, str], callers: int, seconds: float) -> None:
    lived = 0
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkStub(channel, headers)
        await stub.wait(await stub.run(), 30)
        begun = time.perf_counter()

        async def caller() -> None:
            nonlocal lived
            while time.perf_counter() - begun < seconds and lived < MOST:
                operation = await stub.wait(await stub.run(), 30)
                assert operation.HasField("response"), operation
                lived += 1

        await asyncio.gather(*(caller() for _ in range(callers)))
        taken = time.perf_counter() - begun
    json.dump({"rate": lived / taken, "count": lived}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
