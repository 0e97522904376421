"""What of a SQLite file waits for a worker."""

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from longrunning.lifecycle import Record
from longrunning.stores.contract import Heart, Unwatch, Work, Worklist
from longrunning.stores.rows import record_of, rewritten
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.writer import Change
from longrunning.stores.watchers import Wakers

T = TypeVar("T")


class File(Protocol):
    """What the worklist needs of its store."""

    async def write(
        self,
        work: Callable[[sqlite3.Connection], T],
        change: Callable[[T], Change] | None = None,
    ) -> T:
        """Runs work in the next commit."""
        ...

    async def select(self, statement: str, values: Any) -> Sequence[Record]:  # noqa: ANN401 - sqlite3's own type
        """Returns the records of a statement, off the event loop."""
        ...

    def heart(self) -> Heart:
        """Returns a heart with a connection of its own."""
        ...


class SQLiteWorklist(Worklist):
    """The worklist of one file.

    Args:
        file: the store.
        wakers: woken by its commits.
    """

    def __init__(self, file: File, wakers: Wakers) -> None:
        self._file = file
        self._wakers = wakers

    async def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives for another `lease`, by the clock of this machine."""
        await self._file.write(
            lambda connection: connection.execute(queries.BEAT, (owner, now + lease)).rowcount
        )

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        await self._file.write(
            lambda connection: connection.execute(queries.RETIRE, (owner,)).rowcount
        )

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records that a claim could take, the oldest first."""
        values = {"handlers": json.dumps(sorted(set(handlers))), "limit": limit}
        return await self._file.select(queries.PENDING, values)

    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work, the oldest first; nobody else writes meanwhile."""

        def run(connection: sqlite3.Connection) -> Sequence[Work]:
            ids = _claimable(connection, room, limit) if name is None else []
            if name is not None and limit > 0:
                found = connection.execute(queries.NAMED, (name,))
                ids = [identity for identity, handler in found if room.get(handler, 0) > 0]
            return [_take(connection, identity, take) for identity in ids]

        def run_whole(connection: sqlite3.Connection) -> Sequence[Work]:
            connection.execute("SAVEPOINT claim")
            try:
                return run(connection)
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK TO claim")
                raise
            finally:
                if connection.in_transaction:
                    connection.execute("RELEASE claim")

        return await self._file.write(
            run_whole, lambda taken: Change([work.record.name for work in taken])
        )

    def watch(self, wake: Callable[[], None]) -> Unwatch:
        """Calls `wake` when there may be work, and after each commit of another process."""
        return self._wakers.add(wake)

    def heart(self) -> Heart:
        """Returns a heart with a connection of its own."""
        return self._file.heart()

    async def orphans(self, handlers: Collection[str], *, now: int, limit: int) -> Sequence[Record]:
        """Returns claimed records for these handlers whose owner no longer lives."""
        values = {"handlers": json.dumps(list(handlers)), "now": now, "limit": limit}
        return await self._file.select(queries.ORPHANS, values)

    async def held(self, owner: str) -> Sequence[Record]:
        """Returns the unfinished records of an owner."""
        return await self._file.select(queries.HELD, (owner,))


def _claimable(connection: sqlite3.Connection, room: Mapping[str, int], limit: int) -> list[str]:
    """Returns the ids of the oldest that can be claimed."""
    ids: list[str] = []
    for handler, most in room.items():
        oldest = connection.execute(queries.OLDEST, (handler, max(min(most, limit), 0)))
        ids += [identity for (identity,) in oldest]
    return sorted(ids)[: max(limit, 0)]


def _take(connection: sqlite3.Connection, identity: str, take: Callable[[Record], Record]) -> Work:
    request, checkpoint, *row = connection.execute(queries.WORK, (identity,)).fetchone()
    record = take(record_of(row))
    values = (*rewritten(record), None, record.name, record.revision - 1)
    connection.execute(queries.REPLACE, values)
    return Work(record=record, request=request, checkpoint=checkpoint)
