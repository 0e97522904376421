"""Waiting for the locks of other processes, more watchfully than SQLite does by itself."""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from longrunning.stores.sqlite.faults import is_busy

_T = TypeVar("_T")
_LOOK_SECONDS = 0.001


def wait_for_lock(work: Callable[[], _T], seconds: float) -> _T:
    """Returns what work returns once nobody is in its way.

    SQLite's own `busy_timeout` soon looks every 100 ms only. A process that writes all the time on
    a slow disk lets go of the lock for less than one of them between its commits, and nobody else
    would ever have it.

    Args:
        work: on a connection without a timeout; begins anew whenever a lock is in its way.
        seconds: how long to wait.

    Raises:
        sqlite3.Error: as of the work; that of the lock once the time is over.
    """
    give_up = time.monotonic() + seconds
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up:
                raise
        time.sleep(_LOOK_SECONDS)
