"""The one writer of a SQLite file: it commits the writes of many callers together.

A commit costs one sync of the disk however many rows it has, so the writes that arrive while one
commit is under way share the next. Each caller is answered only after the commit that has
its write.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.faults import serving_error, unavailable
from longrunning.stores.sqlite.lock_wait import wait_for_lock

_T = TypeVar("_T")
_LARGEST_COMMIT = 512


@dataclass(frozen=True, slots=True)
class Change:
    """What a write changed: the names of operations, and whether there may be work for a claim."""

    names: Collection[str] = ()
    gives_work: bool = False


@dataclass(slots=True)
class _Work(Generic[_T]):
    """One caller's part of a commit, or something to look at outside of one."""

    work: Callable[[sqlite3.Connection], _T]
    future: asyncio.Future[_T]
    change: Callable[[_T], Change] | None
    writes: bool
    put_at: float
    result: _T | None = None
    error: Exception | None = None


class Writer:
    """A thread with a connection of its own.

    Args:
        connection: without a timeout; used by the thread alone, and closed by it.
        committed: called on the event loop with what a commit changed.
        busy_seconds: how long a commit waits for those of other processes.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        committed: Callable[[Change], None],
        busy_seconds: float,
    ) -> None:
        self._connection = connection
        self._busy_seconds = busy_seconds
        self._locked_since: float | None = None
        self._committed = committed
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Work[Any] | None] = queue.SimpleQueue()
        self._closed = False
        self._data_version = wait_for_lock(partial(_data_version, connection), busy_seconds)
        self._thread = threading.Thread(target=self._run, name="longrunning-sqlite", daemon=True)
        self._thread.start()

    def write(
        self,
        work: Callable[[sqlite3.Connection], _T],
        change: Callable[[_T], Change] | None = None,
    ) -> asyncio.Future[_T]:
        """Puts work into the next commit.

        Args:
            work: runs on the writer's thread, within a transaction. It changes something by one
                statement at most, and raises if that fails: SQLite then undoes the statement
                alone, so that the rest of the commit needs no savepoints. Work of several
                statements sets one itself.
            change: says of its result what it changed, if it changes operations.

        Returns:
            Its result, once the commit is on disk.
        """
        return self._put(work, change, writes=True)

    async def others_committed(self) -> bool:
        """Returns whether another process has committed since the last time.

        `PRAGMA data_version` changes on a connection when another one has committed, so the
        writer's own connection tells other processes' commits from ours; and outside of a
        transaction, so that it waits for nobody.
        """
        version = await self._put(_data_version, None, writes=False)
        changed = version != self._data_version
        self._data_version = version
        return changed

    async def close(self) -> None:
        """Commits what was put in before, refuses what comes later, and ends the thread."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _put(
        self,
        work: Callable[[sqlite3.Connection], _T],
        change: Callable[[_T], Change] | None,
        *,
        writes: bool,
    ) -> asyncio.Future[_T]:
        future: asyncio.Future[_T] = self._loop.create_future()
        if self._closed:
            future.set_exception(unavailable())
            return future
        self._queue.put(_Work(work, future, change, writes, time.monotonic()))
        return future

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch: list[_Work[Any]] = []
            item = self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == _LARGEST_COMMIT or self._queue.empty():
                    break
                item = self._queue.get()
            stopping = item is None
            self._look([each for each in batch if not each.writes])
            if writes := [each for each in batch if each.writes]:
                self._commit(writes)
            if batch:
                self._loop.call_soon_threadsafe(self._answer, batch)
        self._connection.close()

    def _look(self, items: list[_Work[Any]]) -> None:
        for item in items:
            try:
                item.result = wait_for_lock(
                    partial(item.work, self._connection), self._busy_seconds
                )
            except sqlite3.Error as error:
                item.error = error

    def _commit(self, batch: list[_Work[Any]]) -> None:
        connection = self._connection
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")  # the one of the commit before failed
            self._begin(batch[-1].put_at)
            for write in batch:
                try:
                    write.result = write.work(connection)
                except Exception as error:
                    if not connection.in_transaction:
                        raise  # SQLite itself gave the whole transaction up: a full disk does that
                    write.error = error
            connection.execute("COMMIT")
        except Exception as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            for write in batch:
                write.error = error

    def _begin(self, put_at: float) -> None:
        """Takes the lock; what was put in while the commits before waited in vain has waited too.

        A file that stays locked would else let callers, and the end, wait for ever longer.
        """
        now = time.monotonic()
        if self._locked_since is None:
            self._locked_since = now
        give_up = max(put_at, self._locked_since) + self._busy_seconds
        wait_for_lock(lambda: self._connection.execute("BEGIN IMMEDIATE"), give_up - now)
        self._locked_since = None

    def _answer(self, batch: list[_Work[Any]]) -> None:
        """Answers the callers of a commit, on the event loop."""
        for item in batch:
            if item.future.done():
                continue  # its caller went away; the write stands all the same
            if item.error is None:
                item.future.set_result(item.result)
            elif isinstance(item.error, sqlite3.Error):
                item.future.set_exception(serving_error(item.error))
            else:
                item.future.set_exception(item.error)
        changes = [item.change(item.result) for item in batch if item.change and item.error is None]
        if names := {name for change in changes for name in change.names}:
            self._committed(Change(names, any(change.gives_work for change in changes)))


def _data_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute(queries.DATA_VERSION).fetchone()
    return int(version)
