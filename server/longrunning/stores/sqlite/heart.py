"""Beats on a connection to a SQLite file of their own."""

import contextlib
import sqlite3
from functools import partial
from pathlib import Path

from longrunning.stores.contract import Heart
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.faults import serving_error
from longrunning.stores.sqlite.lock_wait import wait_for_lock


class SQLiteHeart(Heart):
    """Writes to a file that a store has opened, past the writer of that store.

    Args:
        path: the file.
        busy_seconds: how long a beat waits for other writers.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        # A URI, since a plain path would create a file that is gone.
        self._uri = f"{path.absolute().as_uri()}?mode=rw"
        self._busy_seconds = busy_seconds
        self._connection: sqlite3.Connection | None = None

    def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives for another `lease`, by the clock of this machine."""
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(
                    self._uri, uri=True, timeout=0, isolation_level=None
                )
            beat = partial(_beat, self._connection, owner, now + lease)
            wait_for_lock(beat, self._busy_seconds)
        except sqlite3.Error as error:
            self.close()
            raise serving_error(error) from None

    def close(self) -> None:
        """Closes the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection:
            with contextlib.suppress(sqlite3.Error):
                connection.close()


def _beat(connection: sqlite3.Connection, owner: str, until: int) -> None:
    # What a crash of the machine takes back is a sign of life of before the crash. On a new
    # connection this reads the file, and can meet a lock as well.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(queries.BEAT, (owner, until))
