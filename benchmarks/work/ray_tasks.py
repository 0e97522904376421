"""Bare Ray tasks, which keep nothing on disk: python -m benchmarks.work.ray_tasks - TOTAL"""

import asyncio
import logging
import sys

import ray

from benchmarks.work.measuring import Figures, measure, tell


@ray.remote
def empty() -> None:
    """Does nothing."""


async def run(total: int) -> Figures:
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)

    async def run_one() -> None:
        await empty.remote()

    try:
        return await measure(run_one, total)
    finally:
        ray.shutdown()


if __name__ == "__main__":
    tell(asyncio.run(run(int(sys.argv[2]))))
