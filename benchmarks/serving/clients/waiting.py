"""Many callers of WaitOperation on one connection.

    python -m benchmarks.serving.clients.waiting GRPC HEADERS WAITERS each|one

They wait for an operation each, or all for one. This is led over its standard input and output, a
line each way, since the one who starts it looks at the server's memory in between:

    created     the operations are there         <- park
    parked      all of them wait                 <- again, until all is quiet; end
    {...}       JSON, and the end

The milliseconds are counted from the call that ends the one operation to the answer of the last. A
wait that fails, or that is answered with an operation that is not done, is a failure.
"""

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2

from benchmarks.serving.clients.work_stub import WorkStub

LONGEST = 900.0
AT_ONCE = 64  # few: what the server has let go of since would be reused by the waits
SETTLING = 0.5  # seconds; nothing tells a client that its wait has arrived


async def told(line: str) -> str:
    print(line, flush=True)
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


async def settled(line: str) -> None:
    """Says again and again where it is, until the one who looks at the server has seen enough."""
    while True:
        await asyncio.sleep(SETTLING)
        if await told(line) != "again":
            return


async def each(calls: list[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Awaits what functions return, some at once."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(call: Callable[[], Awaitable[Any]]) -> object:
        async with limit:
            return await call()

    return await asyncio.gather(*(one(call) for call in calls))


async def begun_waits(
    stub: WorkStub, names: list[str]
) -> list[asyncio.Task[operations_pb2.Operation]]:
    """Begins a wait for each name, no faster than the server takes them.

    Its core drops calls that are in its queue for half a minute.
    """
    waits = []
    for number, name in enumerate(names, start=1):
        waits.append(asyncio.create_task(stub.wait(name, LONGEST)))
        if number % AT_ONCE == 0:
            await stub.get(name)  # it is behind them in the queue
    return waits


def failure_of(answer: BaseException | operations_pb2.Operation) -> str:
    """Returns how a wait failed, "" if it did not."""
    if isinstance(answer, grpc.aio.AioRpcError):
        return f"{answer.code().name}: {answer.details()}"
    if isinstance(answer, BaseException):
        return repr(answer)
    return "" if answer.done else "the operation is not done"


async def main(address: str, headers: dict[str, str], waiters: int, for_one: bool) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkStub(channel, headers)
        names = await each([stub.create] * (1 if for_one else waiters))
        await told("created")
        asked = names * waiters if for_one else names
        waits = await begun_waits(stub, asked)
        await settled("parked")
        gc.freeze()  # looking through all of this would hold up the client, not the server
        begun = time.perf_counter()
        await each([lambda name=name: stub.finish(name) for name in names])
        answers = await asyncio.gather(*waits, return_exceptions=True)
        last = time.perf_counter()
    failures = [failure for answer in answers if (failure := failure_of(answer))]
    for failure, count in Counter(failures).most_common(10):
        print(f"{count} waits failed: {failure}", file=sys.stderr)
    print(json.dumps({"last_ms": (last - begun) * 1000, "failed": len(failures)}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "one"))
