"""longrunning in one process: python -m benchmarks.work.longrunning_in_process URL TOTAL"""

import asyncio
import sys

from google.protobuf import empty_pb2

from benchmarks.work.empty_app import empty, operations
from benchmarks.work.measuring import Figures, measure, tell
from longrunning.stores import store_from_url


async def run(url: str, total: int) -> Figures:
    operations.store = store_from_url(url)

    async def run_one() -> None:
        started = await operations.start(empty, empty_pb2.Empty())
        done = await operations.wait(started.name)
        assert done.HasField("response")

    async with operations:
        return await measure(run_one, total)


if __name__ == "__main__":
    tell(asyncio.run(run(sys.argv[1], int(sys.argv[2]))))
