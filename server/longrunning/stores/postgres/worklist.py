"""What of a PostgreSQL store waits for a worker; leases are judged by the database's clock."""

from collections.abc import Callable, Collection, Mapping, Sequence

from longrunning.errors import Aborted
from longrunning.lifecycle import Record
from longrunning.stores.contract import Heart, Unwatch, Work, Worklist
from longrunning.stores.postgres.database import Connection, Database
from longrunning.stores.postgres.heart import PostgresHeart
from longrunning.stores.postgres.queries import WALK_INDEXES, Queries
from longrunning.stores.rows import record_of, rewritten
from longrunning.stores.watchers import Wakers


class PostgresWorklist(Worklist):
    """The worklist of one schema.

    Args:
        database: where it is.
        queries: its statements.
        wakers: woken by this process and by others.
        claimed: told the names that a claim took, and whether it held more than those for a moment,
            so that others may have passed over what they can have now.
    """

    def __init__(
        self,
        database: Database,
        queries: Queries,
        wakers: Wakers,
        claimed: Callable[[Collection[str], bool], None],
    ) -> None:
        self._database = database
        self._queries = queries
        self._wakers = wakers
        self._claimed = claimed

    async def beat(self, owner: str, *, now: int, lease: int) -> None:  # noqa: ARG002 - not our clock
        """Says that an owner lives for another `lease`."""
        await self._database.write(self._queries.beat, [owner, lease])

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        await self._database.write(self._queries.retire, [owner])

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records that a claim could take, the oldest first."""
        values = {"handlers": sorted(set(handlers)), "limit": limit}
        rows = await self._database.read(self._queries.pending, values)
        return [record_of(row) for row in rows]

    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work, the oldest first, past what others are just taking."""
        open_to = {handler: most for handler, most in room.items() if most > 0}
        if not open_to or limit < 1:
            return []
        values = {
            "handlers": list(open_to),
            "room": list(open_to.values()),
            "limit": limit,
            "name": name,
        }
        statement = self._queries.claim if name is None else self._queries.claim_named

        async def run(connection: Connection) -> tuple[int, Sequence[Work]]:
            await connection.execute(WALK_INDEXES)
            rows = await (await connection.execute(statement, values)).fetchall()
            if not rows:
                return 0, []
            works = [
                Work(record=take(record_of(row)), request=request, checkpoint=checkpoint)
                for _, request, checkpoint, *row in rows
            ]
            changes = [
                (*rewritten(work.record), None, work.record.name, work.record.revision - 1)
                for work in works
            ]
            columns = [list(column) for column in zip(*changes, strict=True)]
            await connection.execute(self._queries.replace, columns)
            return rows[0][0], works

        try:
            locked, works = await self._database.transact(run)
        except Aborted:
            return []  # clocks that differ: an operation of the same key was claimed just now
        self._claimed([work.record.name for work in works], locked > len(works))
        return works

    def watch(self, wake: Callable[[], None]) -> Unwatch:
        """Calls `wake` when there may be work, by whichever process."""
        return self._wakers.add(wake)

    def heart(self) -> Heart:
        """Returns a heart with a connection of its own."""
        return PostgresHeart(self._database.conninfo, self._queries, self._database.seconds)

    async def orphans(
        self,
        handlers: Collection[str],
        *,
        now: int,  # noqa: ARG002 - not our clock
        limit: int,
    ) -> Sequence[Record]:
        """Returns claimed records for these handlers whose owner no longer lives."""
        rows = await self._database.read(self._queries.orphans, [list(handlers), limit])
        return [record_of(row) for row in rows]

    async def held(self, owner: str) -> Sequence[Record]:
        """Returns the unfinished records of an owner."""
        rows = await self._database.read(self._queries.held, [owner])
        return [record_of(row) for row in rows]
