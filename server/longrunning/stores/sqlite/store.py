"""The store in one SQLite file, which several processes of one machine may share.

Writes go through one thread (see `writer`), point reads run on the event loop's own thread, where
they cost less than a hop to another one, and lists run on a thread of their own, since they can be
long. What was read by name is kept (see `reader`).
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from longrunning.clock import DAY
from longrunning.errors import OperationConflict, OperationsError
from longrunning.lifecycle import Record
from longrunning.stores.conflicts import can_conflict, gives_work
from longrunning.stores.contract import Changed, Page, Query, Store, Unwatch
from longrunning.stores.migrations import Migrate, Migrated
from longrunning.stores.paging import statements
from longrunning.stores.rows import record_of, rewritten, written
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.faults import serving_error
from longrunning.stores.sqlite.heart import SQLiteHeart
from longrunning.stores.sqlite.opening import Opened, open_file
from longrunning.stores.sqlite.reader import Reader
from longrunning.stores.sqlite.worklist import SQLiteWorklist
from longrunning.stores.sqlite.writer import Change, Writer
from longrunning.stores.watchers import Wakers, Watchers

_T = TypeVar("_T")

_POLL_SECONDS = 0.05


class SQLiteStore(Store):
    """Keeps operations in a SQLite file: WAL, `synchronous=FULL`.

    Args:
        path: the file; it is created if it is not there, its directory is not.
        migrate: "auto" creates tables or brings them up to date when the store is opened, "never"
            leaves that to `lro migrate`.
        busy_timeout: how long a write waits for other processes before it counts as failed, in
            seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        migrate: Migrate = "auto",
        busy_timeout: float = 5.0,
    ) -> None:
        self._path = Path(path)
        self._migrate = migrate
        self._busy_timeout = busy_timeout
        self._watchers = Watchers(first=self._start_polling, last=self._stop_polling)
        self._polling: asyncio.Task[None] | None = None
        self._wakers = Wakers(self._watchers)
        self.worklist = SQLiteWorklist(self, self._wakers)

    @property
    def url(self) -> str:
        """Says where the file is: `sqlite:///path`."""
        return f"sqlite:///{self._path}"

    async def open(self) -> None:
        """Opens the file, and creates or migrates its tables."""
        opened = await asyncio.to_thread(open_file, self._path, self._migrate, self._busy_timeout)
        self.page_token_key = opened.page_token_key
        self._listing = opened.listing
        self._reader = Reader(opened.reading)
        self._lister = ThreadPoolExecutor(1, thread_name_prefix="longrunning-sqlite-list")
        self._writer = Writer(opened.writing, self._committed, self._busy_timeout)

    async def migrate(self) -> Migrated:
        """Brings the tables of a file that is not open up to date, whatever `migrate` says.

        Raises:
            StoreError: it cannot be opened, or is too new.
        """

        def run() -> Migrated:
            opened: Opened = open_file(self._path, "auto", self._busy_timeout)
            for connection in (opened.listing, opened.reading, opened.writing):
                connection.close()
            return opened.migrated

        return await asyncio.to_thread(run)

    async def close(self) -> None:
        """Commits what is under way and closes the file."""
        self._stop_polling()
        await self._writer.close()
        await asyncio.to_thread(self._lister.shutdown)
        self._listing.close()
        self._reader.close()

    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record; see `Store.create`."""
        values = (*written(record), request)

        def insert(connection: sqlite3.Connection) -> Record:
            key = (record.caller, record.method, record.parent, record.request_id)
            if can_conflict(record):
                if same := connection.execute(queries.FIND_REQUEST_ID, key).fetchone():
                    return record_of(same)
                _check_conflict(connection, record, exclusive=record.exclusive)
            if connection.execute(queries.CREATE, values).rowcount:
                return record
            return record_of(connection.execute(queries.FIND_REQUEST_ID, key).fetchone())

        def change(kept: Record) -> Change:
            created = kept is record
            return Change([record.name], gives_work(None, record)) if created else Change()

        return await self._writer.write(insert, change)

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        try:
            return self._reader.get(name)
        except sqlite3.Error as error:
            raise serving_error(error) from None

    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        values = (*rewritten(record), checkpoint, record.name, record.revision - 1)

        def update(connection: sqlite3.Connection) -> bool:
            try:
                return connection.execute(queries.REPLACE, values).rowcount == 1
            except sqlite3.IntegrityError:
                _check_conflict(connection, record, exclusive=False)
                raise

        def change(replaced: bool) -> Change:
            return Change([record.name], gives_work(None, record)) if replaced else Change()

        return await self._writer.write(update, change)

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        rows = await self._writer.write(
            lambda connection: connection.execute(queries.DELETE, (name,)).fetchall(),
            lambda rows: Change([name], bool(rows[0][0])) if rows else Change(),
        )
        return bool(rows)

    async def list(self, query: Query) -> Page:
        """Returns the next records that a query selects, newest first."""
        if query.bounds.nothing:
            return Page(records=(), position="")
        floor, page, values = statements(query, queries.DIALECT)

        def run() -> Page:
            lowest = ""
            if floor:
                found = self._listing.execute(floor, values).fetchone()
                values["floor"] = lowest = found[0] if found else ""
            rows = self._listing.execute(page, values)
            records = [record_of(row) for row in rows]
            full = len(records) == query.limit
            return Page(records=records, position=records[-1].id if full else lowest)

        return await self._in_lister(run)

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes operations that have expired; returns how many."""
        forget_owners = (queries.FORGET_OWNERS, (now - DAY,))
        await self._writer.write(lambda connection: connection.execute(*forget_owners).rowcount)
        purge = (queries.PURGE, (now, limit))
        return await self._writer.write(lambda connection: connection.execute(*purge).rowcount)

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each commit; those of other processes come without names."""
        return self._watchers.add(changed)

    async def write(
        self,
        work: Callable[[sqlite3.Connection], _T],
        change: Callable[[_T], Change] | None = None,
    ) -> _T:
        """Runs work in the next commit; see `Writer.write`."""
        return await self._writer.write(work, change)

    def heart(self) -> SQLiteHeart:
        """Returns a heart with a connection of its own."""
        return SQLiteHeart(self._path, self._busy_timeout)

    async def select(self, statement: str, values: Any) -> Sequence[Record]:  # noqa: ANN401 - sqlite3's own type
        """Returns the records of a statement that may take long, off the event loop."""
        return await self._in_lister(
            lambda: [record_of(row) for row in self._listing.execute(statement, values)]
        )

    async def _in_lister(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._lister, work)
        except sqlite3.Error as error:
            raise serving_error(error) from None

    def _committed(self, change: Change) -> None:
        self._watchers.notify(change.names)
        if change.gives_work:
            self._wakers.wake()

    def _start_polling(self) -> None:
        self._polling = asyncio.get_running_loop().create_task(self._poll())

    def _stop_polling(self) -> None:
        if self._polling:
            self._polling.cancel()
            self._polling = None

    async def _poll(self) -> None:
        """Notices the commits of other processes, and outlives what the file cannot do now."""
        while True:
            try:
                changed = await self._writer.others_committed()
            except OperationsError:
                changed = True
            if changed:
                self._watchers.notify(None)
            await asyncio.sleep(_POLL_SECONDS)


def _check_conflict(connection: sqlite3.Connection, record: Record, *, exclusive: bool) -> None:
    """Raises if another operation of its conflict key is claimed or, if exclusive, unfinished."""
    values = (record.conflict_key, record.name, exclusive)
    if other := connection.execute(queries.FIND_CONFLICT, values).fetchone():
        raise OperationConflict(record.conflict_key, other[0])
