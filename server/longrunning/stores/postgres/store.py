"""The store in a PostgreSQL database, which processes on many machines share."""

from collections.abc import Collection

import psycopg

from longrunning.errors import Aborted, AlreadyExists, OperationConflict
from longrunning.lifecycle import Record
from longrunning.stores.conflicts import can_conflict
from longrunning.stores.contract import Changed, Page, Query, Store, StoreError, Unwatch
from longrunning.stores.migrations import Migrate, Migrated
from longrunning.stores.paging import statements
from longrunning.stores.postgres.database import Database
from longrunning.stores.postgres.faults import opening_error
from longrunning.stores.postgres.notices import Announcer, Listener, Poll
from longrunning.stores.postgres.opening import open_schema
from longrunning.stores.postgres.queries import Queries
from longrunning.stores.postgres.reads import Reads
from longrunning.stores.postgres.worklist import PostgresWorklist
from longrunning.stores.postgres.writes import Writes
from longrunning.stores.rows import record_of, rewritten, written
from longrunning.stores.watchers import Wakers, Watchers

_POLL_BEHIND_NOTIFY = 5.0
_POLL_ALONE = 0.5


class PostgresStore(Store):
    """Keeps operations in a schema of a PostgreSQL database.

    Args:
        conninfo: `postgresql://user:password@host/database`, or the `key=value` form of libpq; what
            it leaves out comes from the environment (PGHOST, PGPASSWORD, a service file...).
        schema: where the tables are, for databases that are shared with other applications.
        migrate: "auto" creates tables or brings them up to date when the store is opened, "never"
            leaves that to `lro migrate`.
        connections: how many connections this process uses at most, one more to listen.
        notify: whether changes cross processes by NOTIFY. Without it, for databases and connection
            poolers that do not offer it, they are found by polling, within half a second; nor are
            statements prepared then, since such a pooler may send each to another session.
        timeout: how long a statement may take before it counts as failed, in seconds.

    Raises:
        ValueError: the connection parameters or the schema are malformed.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        schema: str = "longrunning",
        migrate: Migrate = "auto",
        connections: int = 8,
        notify: bool = True,
        timeout: float = 5.0,
    ) -> None:
        self._queries = Queries(schema)
        try:
            self._database = Database(
                conninfo, connections=connections, seconds=timeout, prepares=notify
            )
        except psycopg.ProgrammingError as error:
            # What the driver says quotes the parameters, of which one can be a password.
            raise ValueError(
                "malformed PostgreSQL connection parameters: "
                "expected postgresql://USER@HOST:PORT/DATABASE?schema=NAME"
            ) from error
        self._migrate = migrate
        self._reads = Reads(self._database, self._queries.get)
        self._creations = Writes(self._database, self._queries.create, self._changed)
        self._replacements = Writes(self._database, self._queries.replace, self._changed)
        self._deletions = Writes(self._database, self._queries.delete, self._changed)
        self._poll = Poll(self._poll_seconds, self._notify_watchers)
        self._watchers = Watchers(first=self._poll.start, last=self._poll.stop)
        self._wakers = Wakers(self._watchers)
        self._announcer: Announcer | None = None
        self._listener: Listener | None = None
        if notify:
            channel = self._queries.channel
            self._announcer = Announcer(self._database, channel)
            self._listener = Listener(
                self._database,
                channel,
                self._announcer.sender,
                self._notify_watchers,
                self._wakers.wake,
            )
        self.worklist = PostgresWorklist(self._database, self._queries, self._wakers, self._claimed)

    @property
    def url(self) -> str:
        """Says where the database is, without the password."""
        given = psycopg.conninfo.conninfo_to_dict(self._database.conninfo)
        host = str(given.get("host") or given.get("hostaddr") or "")
        port = f":{given['port']}" if given.get("port") else ""
        user = f"{given['user']}@" if given.get("user") else ""
        database = given.get("dbname") or ""
        if host.startswith("/"):  # the folder of a socket is no host of a URL
            return f"postgresql://{user}{port}/{database}?host={host}&schema={self._queries.schema}"
        return f"postgresql://{user}{host}{port}/{database}?schema={self._queries.schema}"

    async def open(self) -> None:
        """Creates or migrates the tables, and connects."""
        _, self.page_token_key = await self._open_schema(self._migrate)
        await self._database.open()
        if self._listener:
            self._listener.start()

    async def migrate(self) -> Migrated:
        """Brings the tables of a store that is not open up to date, whatever `migrate` says.

        Raises:
            StoreError: the database cannot be reached, or is too new.
        """
        migrated, _ = await self._open_schema("auto")
        return migrated

    async def close(self) -> None:
        """Tells others what is still to be told, and disconnects."""
        self._poll.stop()
        for writes in (self._creations, self._replacements, self._deletions):
            await writes.close()
        if self._announcer:
            await self._announcer.close()
        if self._listener:
            await self._listener.close()
        await self._database.close()

    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record; see `Store.create`."""
        values = (*written(record), request)
        while not await self._creations.write(record.name, values, record.conflict_key):
            if (same := await self._in_its_place(record)) is not None:
                return same
            # What was in the way is gone since: it can be added now.
        return record

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        return await self._reads.get(name)

    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        values = (*rewritten(record), checkpoint, record.name, record.revision - 1)
        while True:
            try:
                return await self._replacements.write(record.name, values)
            except Aborted:
                await self._check_conflict(record, exclusive=False)
                # It has ended since.

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        return await self._deletions.write(name, [name])

    async def list(self, query: Query) -> Page:
        """Returns the next records that a query selects, newest first."""
        if query.bounds.nothing:
            return Page(records=(), position="")
        floor, page, values = statements(query, self._queries.dialect)
        lowest = ""
        if floor:
            found = await self._database.read(floor, values)
            values["floor"] = lowest = found[0][0] if found else ""
        records = [record_of(row) for row in await self._database.read(page, values)]
        full = len(records) == query.limit
        return Page(records=records, position=records[-1].id if full else lowest)

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes operations that have expired; returns how many."""
        await self._database.write(self._queries.forget_owners)
        return await self._database.write(self._queries.purge, [now, limit])

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each change, by whichever process."""
        return self._watchers.add(changed)

    async def _open_schema(self, migrate: Migrate) -> tuple[Migrated, bytes]:
        try:
            return await open_schema(self._database.conninfo, self._queries.schema, migrate)
        except StoreError as error:
            raise StoreError(f"{self.url} {error}") from None
        except psycopg.Error as error:
            raise opening_error(self.url, error) from None

    async def _in_its_place(self, record: Record) -> Record | None:
        """Returns the record of the same request, None if nothing stands in the way any more.

        Raises:
            AlreadyExists: another operation has the record's name or id.
            OperationConflict: another operation of its conflict key is in the way.
        """
        key = (record.caller, record.method, record.parent, record.request_id)
        if rows := await self._database.read(self._queries.find_request_id, key):
            return record_of(rows[0])
        if await self._database.read(self._queries.find_taken, [record.name, record.id]):
            raise AlreadyExists("There is an operation of that name already.", reason="NAME_TAKEN")
        if can_conflict(record):
            await self._check_conflict(record, exclusive=record.exclusive)
        return None

    async def _check_conflict(self, record: Record, *, exclusive: bool) -> None:
        """Raises if another of its conflict key is claimed or, if exclusive, unfinished."""
        values = [record.conflict_key, record.name, exclusive]
        if rows := await self._database.read(self._queries.find_conflict, values):
            raise OperationConflict(record.conflict_key, rows[0][0])

    def _changed(self, name: str, gives_work: bool) -> None:
        self._watchers.notify([name])
        if gives_work:
            self._wakers.wake()
        if self._announcer:
            self._announcer.announce(name, gives_work=gives_work)

    def _claimed(self, names: Collection[str], passed_over: bool) -> None:
        self._watchers.notify(names)
        if self._announcer:
            for name in names:
                self._announcer.announce(name, gives_work=passed_over)

    def _notify_watchers(self, names: Collection[str] | None) -> None:
        self._watchers.notify(names)

    def _poll_seconds(self) -> float:
        listening = self._listener is not None and self._listener.connected
        return _POLL_BEHIND_NOTIFY if listening else _POLL_ALONE
