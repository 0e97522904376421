"""The store in a PostgreSQL database, which processes on many machines share."""

from collections.abc import Collection

import psycopg

from longrunning.lifecycle import Record
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
from longrunning.stores.watchers import Watchers

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
        self._creations = Writes(self._database, self._queries.create)
        self._replacements = Writes(self._database, self._queries.replace)
        self._deletions = Writes(self._database, self._queries.delete)
        self._poll = Poll(self._poll_seconds, self._notify_watchers)
        self._watchers = Watchers(first=self._poll.start, last=self._poll.stop)
        self._announcer: Announcer | None = None
        self._listener: Listener | None = None
        if notify:
            channel = self._queries.channel
            self._announcer = Announcer(self._database, channel)
            self._listener = Listener(
                self._database, channel, self._announcer.sender, self._notify_watchers
            )
        self.worklist = PostgresWorklist(self._database, self._queries)

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
        key = (record.caller, record.method, record.parent, record.request_id)
        while not await self._creations.write(record.name, values):
            if rows := await self._database.read(self._queries.find_request_id, key):
                return record_of(rows[0])
            # It was there and was deleted in between: it can be added now.
        self._changed(record.name)
        return record

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        return await self._reads.get(name)

    async def request(self, name: str) -> bytes | None:
        """Returns the serialized request of an operation, or None."""
        rows = await self._database.read(self._queries.request, [name])
        return rows[0][0] if rows else None

    async def replace(self, record: Record) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        values = (*rewritten(record), record.name, record.revision - 1)
        replaced = await self._replacements.write(record.name, values)
        if replaced:
            self._changed(record.name)
        return replaced

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        deleted = await self._deletions.write(name, [name])
        if deleted:
            self._changed(name)
        return deleted

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

    def _changed(self, name: str) -> None:
        self._watchers.notify([name])
        if self._announcer:
            self._announcer.announce(name)

    def _notify_watchers(self, names: Collection[str] | None) -> None:
        self._watchers.notify(names)

    def _poll_seconds(self) -> float:
        listening = self._listener is not None and self._listener.connected
        return _POLL_BEHIND_NOTIFY if listening else _POLL_ALONE
