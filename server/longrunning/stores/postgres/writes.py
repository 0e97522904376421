"""Writes that share a commit: those that come while others are under way go out together.

A commit costs a round trip and a sync of the database's disk, however many rows it has.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from longrunning.errors import Unavailable
from longrunning.stores.postgres.database import Database

_TRIPS = 4
_WRITES_PER_TRIP = 200


@dataclass(frozen=True, slots=True)
class _Write:
    """One caller's part of a commit."""

    name: str
    row: Sequence[Any]
    order: tuple[str, str]
    future: asyncio.Future[bool]


class Writes:
    """The writes of one kind.

    Args:
        database: where to write.
        statement: takes an array for each column of the rows, and returns the names that it wrote,
            each with whether that may give work to a claim.
        changed: told those, whether or not somebody still waits for them.
    """

    def __init__(
        self, database: Database, statement: str, changed: Callable[[str, bool], None]
    ) -> None:
        self._database = database
        self._statement = statement
        self._changed = changed
        self._waiting: deque[_Write] = deque()
        self._trips: set[asyncio.Task[None]] = set()

    async def write(self, name: str, row: Sequence[Any], shared: str = "") -> bool:
        """Returns whether a row was written, once that is on disk.

        Args:
            name: the operation.
            row: a value for each column.
            shared: what only one row may have, so that a commit may have to wait for another's.

        Raises:
            OperationsError: the database cannot serve it, or did not say that it has.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(_Write(name, row, (shared, name), future))
        if len(self._trips) < _TRIPS:
            trip = loop.create_task(self._travel())
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)
        return await future

    async def close(self) -> None:
        """Lets what is under way finish."""
        while self._trips:
            await asyncio.wait(self._trips)

    async def _travel(self) -> None:
        while batch := self._next_batch():
            try:
                await self._commit(batch)
            except Unavailable as error:
                self._fail(batch, error)
            except Exception as error:
                # One of them is to blame, and took the others with it.
                if len(batch) == 1:
                    self._fail(batch, error)
                for write in batch if len(batch) > 1 else ():
                    await self._commit_alone(write)

    def _next_batch(self) -> list[_Write]:
        """Takes what waits: of one name a single write, since the next one depends on it."""
        batch: dict[str, _Write] = {}
        later: list[_Write] = []
        while self._waiting and len(batch) < _WRITES_PER_TRIP:
            write = self._waiting.popleft()
            if write.name in batch:
                later.append(write)
            else:
                batch[write.name] = write
        self._waiting.extendleft(reversed(later))
        # In one order everywhere, so that two commits do not wait for each other.
        return sorted(batch.values(), key=lambda write: write.order)

    async def _commit(self, batch: Sequence[_Write]) -> None:
        columns = [list(column) for column in zip(*(write.row for write in batch), strict=True)]
        written = dict(await self._database.write_returning(self._statement, columns))
        for write in batch:
            if not write.future.done():  # its caller may have gone away
                write.future.set_result(write.name in written)
        for name, gives_work in written.items():
            self._changed(name, gives_work)

    async def _commit_alone(self, write: _Write) -> None:
        try:
            await self._commit([write])
        except Exception as error:  # whatever it was: its caller must not wait for ever
            self._fail([write], error)

    @staticmethod
    def _fail(batch: Sequence[_Write], error: Exception) -> None:
        for write in batch:
            if not write.future.done():
                write.future.set_exception(error)
