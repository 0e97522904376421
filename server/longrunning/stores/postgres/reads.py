"""Gets that share a round trip: those that come while others are under way go out together."""

import asyncio

from longrunning.lifecycle import Record
from longrunning.stores.postgres.database import Database
from longrunning.stores.rows import record_of

_TRIPS = 4
_NAMES_PER_TRIP = 200


class Reads:
    """The point reads of one database.

    A read never joins a round trip that has begun, so it sees every write that returned before.

    Args:
        database: where to read.
        statement: selects the rows of an array of names.
    """

    def __init__(self, database: Database, statement: str) -> None:
        self._database = database
        self._statement = statement
        self._wanted: dict[str, list[asyncio.Future[Record | None]]] = {}
        self._trips: set[asyncio.Task[None]] = set()

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Record | None] = loop.create_future()
        self._wanted.setdefault(name, []).append(future)
        if len(self._trips) < _TRIPS:
            trip = loop.create_task(self._travel())
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)
        return await future

    async def _travel(self) -> None:
        while self._wanted:
            names = list(self._wanted)[:_NAMES_PER_TRIP]
            wanted = {name: self._wanted.pop(name) for name in names}
            try:
                rows = await self._database.read(self._statement, [names])
            except Exception as error:  # whatever it was: nobody must wait for ever
                for futures in wanted.values():
                    for future in futures:
                        if not future.done():
                            future.set_exception(error)
                continue
            found = {record.name: record for record in map(record_of, rows)}
            for name, futures in wanted.items():
                for future in futures:
                    if not future.done():  # its caller may have gone away
                        future.set_result(found.get(name))
