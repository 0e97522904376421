"""Beats on a connection to PostgreSQL of their own."""

import contextlib

import psycopg

from longrunning.stores.contract import Heart
from longrunning.stores.postgres.faults import serving_error
from longrunning.stores.postgres.queries import Queries


class PostgresHeart(Heart):
    """Beats by the clock of the database.

    Args:
        conninfo: where it is, with a `connect_timeout`.
        queries: the statements for the schema.
        seconds: how long the database may take.
    """

    def __init__(self, conninfo: str, queries: Queries, seconds: float) -> None:
        self._conninfo = conninfo
        self._queries = queries
        self._milliseconds = str(max(round(seconds * 1000), 1))
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def beat(self, owner: str, *, now: int, lease: int) -> None:  # noqa: ARG002 - not our clock
        """Says that an owner lives for another `lease`."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._conninfo, autocommit=True)
            with self._connection.transaction():
                # Of this transaction only: behind a pooler the session is somebody else's next.
                self._connection.execute(self._queries.limit_time, [self._milliseconds])
                self._connection.execute(self._queries.beat, [owner, lease])
        except psycopg.Error as error:
            self.close()
            raise serving_error(error) from None

    def close(self) -> None:
        """Closes the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection:
            with contextlib.suppress(psycopg.Error):
                connection.close()
