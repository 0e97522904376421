"""What of a SQLite file waits for a worker."""

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

from longrunning.lifecycle import Record
from longrunning.stores.contract import Worklist
from longrunning.stores.sqlite import queries

T = TypeVar("T")


class File(Protocol):
    """What the worklist needs of its store."""

    async def write(self, work: Callable[[sqlite3.Connection], T], name: str | None = None) -> T:
        """Runs work in the next commit."""
        ...

    async def select(self, statement: str, values: Any) -> Sequence[Record]:  # noqa: ANN401 - sqlite3's own type
        """Returns the records of a statement, off the event loop."""
        ...


class SQLiteWorklist(Worklist):
    """The worklist of one file."""

    def __init__(self, file: File) -> None:
        self._file = file

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
        """Returns pending records for one of these handlers, the oldest first."""
        values = {"handlers": json.dumps(sorted(set(handlers))), "limit": limit}
        return await self._file.select(queries.PENDING, values)

    async def orphans(self, *, now: int, limit: int) -> Sequence[Record]:
        """Returns claimed records whose owner no longer lives."""
        return await self._file.select(queries.ORPHANS, (now, limit))
