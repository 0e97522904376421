"""JSON of more than a few pages takes milliseconds, which all other calls would wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LARGE = 128 * 1024


async def off_the_loop(size: int, work: Callable[[], T]) -> T:
    """Does some work: on a thread if it is large.

    Args:
        size: Bytes of what is read or written.
        work: What is to be done.
    """
    return await asyncio.to_thread(work) if size > LARGE else work()
