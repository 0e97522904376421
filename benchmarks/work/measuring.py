"""How every contestant is measured: one after the other at idle, then many callers at once."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

IDLE_RUNS = 200
CALLERS = 256
LONGEST = 20.0
"""Seconds after which callers begin nothing more."""


@dataclass(frozen=True)
class Figures:
    """What one run of a contestant gave.

    Attributes:
        p50: the median from start to result at idle, in milliseconds.
        p99: the 99th percentile of it.
        throughput: finished a second, with `CALLERS` callers.
        finished: how many that was measured with.
    """

    p50: float
    p99: float
    throughput: float
    finished: int


async def measure(
    run_one: Callable[[], Awaitable[object]], total: int, *, idle_runs: int = IDLE_RUNS
) -> Figures:
    """Measures a contestant.

    Args:
        run_one: starts an empty piece of work, and returns once its result is there.
        total: how many pieces the callers do together.
        idle_runs: how many one after the other.
    """
    for _ in range(20):
        await run_one()
    idle = []
    for _ in range(idle_runs):
        begun = time.perf_counter()
        await run_one()
        idle.append((time.perf_counter() - begun) * 1000)
    left, finished = total, 0
    begun = time.perf_counter()

    async def caller() -> None:
        nonlocal left, finished
        while left > 0 and time.perf_counter() - begun < LONGEST:
            left -= 1
            await run_one()
            finished += 1

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    seconds = time.perf_counter() - begun
    idle.sort()
    return Figures(
        statistics.median(idle), idle[int(len(idle) * 0.99)], finished / seconds, finished
    )


def tell(figures: Figures) -> None:
    """Prints figures for `benchmarks.work` to read."""
    json.dump(asdict(figures), sys.stdout)
    sys.stdout.flush()
