"""The time, as one function that is handed to whoever needs it."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns microseconds since the Unix epoch."""

SECOND = 1_000_000
"""One second in the unit of a `Clock`."""

DAY = 24 * 60 * 60 * SECOND
"""One day in the unit of a `Clock`."""


def system_clock() -> int:
    """Returns the time of this machine, in microseconds since the Unix epoch."""
    return time.time_ns() // 1000
