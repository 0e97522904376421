"""The store in one SQLite file, which several processes of one machine may share.

Writes go through one thread (see `writer`), point reads run on the event loop's own thread, where
they cost less than a hop to another one, and lists run on a thread of their own, since they can be
long.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from longrunning.clock import DAY
from longrunning.lifecycle import Record
from longrunning.stores.contract import Changed, Query, Store, StoreError, Unwatch, Worklist
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.faults import opening_error, serving_error
from longrunning.stores.sqlite.migrations import migrate
from longrunning.stores.sqlite.writer import Writer
from longrunning.stores.watchers import Watchers

_T = TypeVar("_T")

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_BUSY_SECONDS = 5.0
_POLL_SECONDS = 0.05
_SECRET_NAME = "page_token_key"  # noqa: S105 - the name of a secret, not its value


class SQLiteStore(Store):
    """Keeps operations in a SQLite file: WAL, `synchronous=FULL`.

    Args:
        path: the file; it is created if it is not there, its directory is not.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._watchers = Watchers(first=self._start_polling, last=self._stop_polling)
        self._polling: asyncio.Task[None] | None = None
        self._data_version = 0
        self.worklist = SQLiteWorklist(self)

    @property
    def url(self) -> str:
        """Says where the file is: `sqlite:///path`."""
        return f"sqlite:///{self._path}"

    async def open(self) -> None:
        """Opens the file, and creates or migrates its tables."""
        if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
            raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
        with contextlib.ExitStack() as undo:
            try:
                writing = self._connect(undo, _BUSY_SECONDS)
                writing.execute("BEGIN IMMEDIATE")
                try:
                    migrate(writing)
                except StoreError as error:
                    raise StoreError(f"{self._path} {error}") from None
                writing.execute(queries.KEEP_SECRET, (_SECRET_NAME, secrets.token_bytes(32)))
                (key,) = writing.execute(queries.SECRET, (_SECRET_NAME,)).fetchone()
                writing.execute("COMMIT")
                self.page_token_key = key
                (self._data_version,) = writing.execute(queries.DATA_VERSION).fetchone()
                self._reading = self._connect(undo, _BUSY_SECONDS)
                self._listing = self._connect(undo, _BUSY_SECONDS)
            except sqlite3.Error as error:
                raise opening_error(self._path, error) from None
            undo.pop_all()
        self._lister = ThreadPoolExecutor(1, thread_name_prefix="longrunning-sqlite-list")
        self._writer = Writer(writing, self._watchers.notify)

    async def close(self) -> None:
        """Commits what is under way and closes the file."""
        self._stop_polling()
        await self._writer.close()
        self._lister.shutdown()
        self._listing.close()
        self._reading.close()

    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record; see `Store.create`."""
        values = queries.values_of(record) | {"request": request}

        def insert(connection: sqlite3.Connection) -> Record:
            if connection.execute(queries.CREATE, values).rowcount:
                return record
            return queries.record_of(connection.execute(queries.FIND_REQUEST_ID, values).fetchone())

        return await self._writer.write(insert, record.name)

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        row = self._read(queries.GET, name)
        return None if row is None else queries.record_of(row)

    async def request(self, name: str) -> bytes | None:
        """Returns the serialized request of an operation, or None."""
        row = self._read(queries.REQUEST, name)
        return None if row is None else row[0]

    async def replace(self, record: Record) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        values = queries.values_of(record)
        return await self.write(
            lambda connection: connection.execute(queries.REPLACE, values).rowcount == 1,
            record.name,
        )

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        return await self.write(
            lambda connection: connection.execute(queries.DELETE, (name,)).rowcount == 1, name
        )

    async def list(self, query: Query) -> Sequence[Record]:
        """Returns the records that a query selects, newest first."""
        return await self.select(*queries.select_page(query))

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes operations that have expired; returns how many."""

        def purge(connection: sqlite3.Connection) -> int:
            connection.execute(queries.FORGET_OWNERS, (now - DAY,))
            return connection.execute(queries.PURGE, (now, limit)).rowcount

        return await self.write(purge)

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each commit; those of other processes come without names."""
        return self._watchers.add(changed)

    async def write(self, work: Callable[[sqlite3.Connection], _T], name: str | None = None) -> _T:
        """Runs work in the next commit; see `Writer.write`."""
        return await self._writer.write(work, name)

    async def select(self, statement: str, values: Any) -> Sequence[Record]:  # noqa: ANN401 - sqlite3's own type
        """Returns the records of a statement that may take long, off the event loop."""

        def run() -> list[Record]:
            rows = self._listing.execute(statement, values)
            return [queries.record_of(row) for row in rows]

        try:
            return await asyncio.get_running_loop().run_in_executor(self._lister, run)
        except sqlite3.Error as error:
            raise serving_error(error) from None

    def _read(self, statement: str, name: str) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._reading.execute(statement, (name,)).fetchone()
        except sqlite3.Error as error:
            raise serving_error(error) from None
        return row

    def _connect(self, undo: contextlib.ExitStack, busy_seconds: float) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
        )
        undo.callback(connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _start_polling(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    def _stop_polling(self) -> None:
        if self._polling:
            self._polling.cancel()
            self._polling = None

    async def _poll(self) -> None:
        """Notices the commits of other processes.

        `PRAGMA data_version` changes on a connection when another one has committed, so the
        writer's own connection tells other processes' commits from ours.
        """
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            version = await self._writer.write(_data_version)
            if version != self._data_version:
                self._data_version = version
                self._watchers.notify(None)


class SQLiteWorklist(Worklist):
    """What of a SQLite store waits for a worker."""

    def __init__(self, store: SQLiteStore) -> None:
        self._store = store

    async def beat(self, owner: str, *, now: int, expire_time: int) -> None:  # noqa: ARG002 - contract
        """Says that an owner lives until `expire_time`."""
        await self._store.write(
            lambda connection: connection.execute(queries.BEAT, (owner, expire_time)).rowcount
        )

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        await self._store.write(
            lambda connection: connection.execute(queries.RETIRE, (owner,)).rowcount
        )

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records for one of these handlers, the oldest first."""
        return await self._store.select(queries.PENDING, (json.dumps(list(handlers)), limit))

    async def orphans(self, *, now: int, limit: int) -> Sequence[Record]:
        """Returns claimed records whose owner no longer lives."""
        return await self._store.select(queries.ORPHANS, (now, limit))


def _data_version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute(queries.DATA_VERSION).fetchone()
    return int(version)
