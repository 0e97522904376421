"""Many callers of WaitOperation on one connection.

    python -m benchmarks.serving.clients.waiting GRPC HEADERS WAITERS TOGETHER

It is led over its standard input and output, a line each way, since the one who starts it looks at
the server's memory in between:

    created     the operations are there                      <- park
    parked      all but TOGETHER wait for an operation each   <- again, until all is quiet; gather
    gathered    TOGETHER wait for one                         <- again, until all is quiet; wake
    {...}       JSON, and the end

The milliseconds are counted from the call that ends the one operation to the answer of the last.
Then the others are ended. A wait that fails, or that is answered with an operation that is not
done, is a failure.
"""

import asyncio
import json
import sys
import time

import grpc.aio

from benchmarks.serving.clients.work_stub import WorkStub

LONGEST = 250.0
AT_ONCE = 64
SETTLING = 1.0  # seconds; nothing tells a client that its wait has arrived


async def told(line: str) -> str:
    print(line, flush=True)
    return (await asyncio.to_thread(sys.stdin.readline)).strip()


async def settled(line: str) -> None:
    """Says again and again where it is, until the one who looks at the server has seen enough."""
    while True:
        await asyncio.sleep(SETTLING)
        if await told(line) != "again":
            return


async def each(work: list, at_once: int = AT_ONCE) -> list:
    """Awaits what functions return, some at once."""
    limit = asyncio.Semaphore(at_once)

    async def one(call: object) -> object:
        async with limit:
            return await call()

    return await asyncio.gather(*(one(call) for call in work))


def failures(answers: list) -> int:
    return sum(isinstance(answer, BaseException) or not answer.done for answer in answers)


async def main(address: str, headers: dict[str, str], waiters: int, together: int) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        stub = WorkStub(channel, headers)
        names = await each([stub.create] * (waiters - together))
        await told("created")
        waits = [asyncio.create_task(stub.wait(name, LONGEST)) for name in names]
        await settled("parked")
        shared = await stub.create()
        waking = [asyncio.create_task(stub.wait(shared, LONGEST)) for _ in range(together)]
        await settled("gathered")
        begun = time.perf_counter()
        await stub.finish(shared)
        answered = time.perf_counter()
        woken = await asyncio.gather(*waking, return_exceptions=True)
        last = time.perf_counter()
        await each([lambda name=name: stub.finish(name) for name in names])
        others = await asyncio.gather(*waits, return_exceptions=True)
    figures = {
        "last_ms": (last - begun) * 1000,
        "after_answer_ms": (last - answered) * 1000,
        "failed": failures(woken) + failures(others),
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
