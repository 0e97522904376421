"""A pool of connections to one database, which recovers by itself from what happens to them."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from longrunning.stores.postgres.faults import is_connection_lost, is_undone, serving_error
from longrunning.stores.postgres.time_limit import time_limit

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
_T = TypeVar("_T")
Values = Sequence[Any] | Mapping[str, Any]

_RETRIES = 3
_NEXT = 0.1  # seconds, for each connection that does not answer when all have had their time
_DEFAULTS = {
    "application_name": "longrunning",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
# A server may have it off; what we acknowledge is on disk. Stronger settings are left alone.
_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)


def with_defaults(conninfo: str) -> str:
    """Returns connection parameters, completed by timeouts that notice a host that is gone."""
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    missing = {name: value for name, value in _DEFAULTS.items() if name not in given}
    return psycopg.conninfo.make_conninfo(conninfo, **missing)


class Database:
    """Runs statements, each in a transaction of its own.

    Args:
        conninfo: where the database is.
        connections: how many connections at most.
        seconds: how long a statement may take, with waiting for a connection.
        prepares: whether statements are prepared in the session, where there is one of our own.
    """

    def __init__(
        self, conninfo: str, *, connections: int, seconds: float, prepares: bool = True
    ) -> None:
        self.conninfo = with_defaults(conninfo)
        self._connections = connections
        self.seconds = seconds
        self._options: dict[str, Any] = {"autocommit": True}
        if not prepares:
            self._options["prepare_threshold"] = None
        self._checking: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Begins to connect."""
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.conninfo,
            kwargs=self._options,
            min_size=1,
            max_size=self._connections,
            open=False,
            configure=_configure,
            timeout=self.seconds,
            # Whoever needs a connection next tries again; the pool's own retries back off for long.
            reconnect_timeout=0,
            name="longrunning",
        )
        await self._pool.open()

    async def close(self) -> None:
        """Lets what runs finish, and closes every connection."""
        while self._running:
            await asyncio.wait(self._running)
        await self._pool.close()

    async def read(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Returns the rows of a statement that changes nothing.

        A connection that turns out to be dead is no reason to fail: another one is tried.

        Raises:
            OperationsError: the database cannot serve it.
        """
        return await self._begin(self._read(statement, values))

    async def write(self, statement: str, values: Values = ()) -> int:
        """Runs a statement that changes something; returns how many rows it changed.

        Raises:
            OperationsError: the database cannot serve it, or did not say that it has.
        """

        async def run(connection: Connection) -> int:
            return (await connection.execute(statement, values)).rowcount

        return await self._begin(self._write(run))

    async def write_returning(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        """Runs a statement that changes something; returns the rows that it returns.

        Raises:
            OperationsError: the database cannot serve it, or did not say that it has.
        """

        async def run(connection: Connection) -> list[tuple[Any, ...]]:
            return await (await connection.execute(statement, values)).fetchall()

        return await self._begin(self._write(run))

    async def transact(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Runs statements in one transaction, which is sent in as few round trips as they allow.

        Args:
            work: runs them; again if the database undid them for others' sake.

        Raises:
            OperationsError: the database cannot serve it, or did not say that it has.
        """

        async def run(connection: Connection) -> _T:
            async with connection.pipeline(), connection.transaction():
                return await work(connection)

        return await self._begin(self._write(run))

    async def check(self) -> None:
        """Replaces connections that are dead: one failed, so others may have."""
        if self._checking is None or self._checking.done():
            self._checking = self._spawn(self._check())
        await asyncio.shield(self._checking)

    async def _begin(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs a statement to its end, even if its caller goes away.

        A cancelled statement would cost its connection; and before Python 3.12 a cancellation that
        meets the driver's `wait_for` can get lost, so that its sender would wait for ever.
        """
        return await asyncio.shield(self._spawn(work))

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited for it may have gone away

    async def _read(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        for _ in range(_RETRIES):
            try:
                return await self._fetch(statement, values)
            except (psycopg.Error, TimeoutError) as error:
                if not is_connection_lost(error) or isinstance(error, PoolTimeout):
                    raise serving_error(error) from None
            await self.check()
        try:
            return await self._fetch(statement, values)
        except (psycopg.Error, TimeoutError) as error:
            raise serving_error(error) from None

    async def _write(self, work: Callable[[Connection], Awaitable[_T]]) -> _T:
        """Does work once, or again if the database itself undid it for others' sake."""
        for attempt in itertools.count(1):
            try:
                async with self._connection() as connection:
                    return await work(connection)
            except (psycopg.Error, TimeoutError) as error:
                if is_undone(error) and attempt <= _RETRIES:
                    continue
                if is_connection_lost(error) and not isinstance(error, PoolTimeout):
                    await self.check()
                raise serving_error(error) from None
        raise AssertionError("unreachable")

    async def _check(self) -> None:
        # The pool takes a cancellation for the end of one connection, and asks the next one.
        with contextlib.suppress(psycopg.Error, TimeoutError):
            async with time_limit(self.seconds, again=_NEXT):
                await self._pool.check()

    async def _fetch(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            return await (await connection.execute(statement, values)).fetchall()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        async with time_limit(self.seconds), self._pool.connection() as connection:
            yield connection


async def _configure(connection: Connection) -> None:
    await connection.execute(_DURABLE)
