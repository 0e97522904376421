"""The time, as one function that is handed to whoever needs it."""

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns microseconds since the Unix epoch."""

SECOND = 1_000_000
"""One second in the unit of a `Clock`."""

DAY = 24 * 60 * 60 * SECOND
"""One day in the unit of a `Clock`."""


_LONGEST = 365_250 * DAY // SECOND


def system_clock() -> int:
    """Returns the time of this machine, in microseconds since the Unix epoch."""
    return time.time_ns() // 1000


def microseconds(what: str, seconds: float) -> int:
    """Returns a length of time in the unit of a `Clock`.

    Args:
        what: its name, for the error.
        seconds: from 0 to a thousand years.

    Raises:
        ValueError: it is less, more, or no number.
    """
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(
            f"the {what} is {seconds:g} seconds: expected from 0 to {_LONGEST}, a thousand years"
        )
    return int(seconds * SECOND)
