"""What of a PostgreSQL store waits for a worker; leases are judged by the database's clock."""

from collections.abc import Collection, Sequence

from longrunning.lifecycle import Record
from longrunning.stores.contract import Worklist
from longrunning.stores.postgres.database import Database
from longrunning.stores.postgres.queries import Queries
from longrunning.stores.rows import record_of


class PostgresWorklist(Worklist):
    """The worklist of one schema."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def beat(self, owner: str, *, now: int, lease: int) -> None:  # noqa: ARG002 - not our clock
        """Says that an owner lives for another `lease`."""
        await self._database.write(self._queries.beat, [owner, lease])

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        await self._database.write(self._queries.retire, [owner])

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records for one of these handlers, the oldest first."""
        values = {"handlers": sorted(set(handlers)), "limit": limit}
        rows = await self._database.read(self._queries.pending, values)
        return [record_of(row) for row in rows]

    async def orphans(self, *, now: int, limit: int) -> Sequence[Record]:  # noqa: ARG002 - not our clock
        """Returns claimed records whose owner no longer lives."""
        rows = await self._database.read(self._queries.orphans, [limit])
        return [record_of(row) for row in rows]
