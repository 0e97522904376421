"""The stores that are measured, filled before their servers start."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.servers import Server, lro_serve
from benchmarks.stores.places import fill
from longrunning.stores import store_from_url
from tests.longrunning.stores.postgres_server import PostgresServer

KINDS = ("SQLite", "memory", "PostgreSQL")
NAMES = 1000
"""How many operations are read in turn."""


class Places:
    """Where stores are made; use it with `with`.

    Args:
        folder: for SQLite.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._closing = contextlib.ExitStack()
        self._postgres: PostgresServer | None = None

    def __enter__(self) -> "Places":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def new(self, kind: str, operations: int) -> str:
        """Returns the URL of a new store with operations in it, "" for the app's own memory."""
        self._count += 1
        if kind == "memory":
            return ""
        if kind == "SQLite":
            url = f"sqlite:///{self._folder}/store{self._count}.db"
        else:
            if self._postgres is None:
                self._postgres = self._closing.enter_context(PostgresServer())
            url = f"{self._postgres.url}&schema=bench_{self._count}"
        asyncio.run(_fill(url, operations))
        return url

    def bytes_of(self, url: str) -> int:
        """Returns what a store takes on disk."""
        if url.startswith("sqlite:"):
            return Path(url.removeprefix("sqlite:///")).stat().st_size
        assert self._postgres is not None
        schema = url.rpartition("=")[2]
        asked = f"SELECT pg_total_relation_size('{schema}.operations')"
        return int(self._postgres.execute(asked)[0][0])


async def _fill(url: str, operations: int) -> None:
    store = store_from_url(url)
    await store.open()
    try:
        if operations:
            await fill(store, operations)
    finally:
        await store.close()


@contextlib.contextmanager
def served(places: Places, kind: str, operations: int, options: Options) -> Iterator[Server]:
    """Runs `lro serve` on a new store with operations in it."""
    url = places.new(kind, operations)
    with lro_serve(
        options.folder, url, operations=operations, environment=options.environment
    ) as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What there is to ask a server for.

    Attributes:
        finished: names of operations that are done.
        running: names of operations that are not.
        finished_bytes: the reply to the first finished one, serialized.
        running_bytes: the same of the first running one.
        page_bytes: the first page of a list.
    """

    finished: list[str]
    running: list[str]
    finished_bytes: int
    running_bytes: int
    page_bytes: int


def contents(server: Server, options: Options) -> Contents:
    """Asks a server what it has, with a real client, and checks that REST and gRPC agree."""
    command = ["python", "-m", "benchmarks.serving.clients.asking"]
    command += [server.grpc, server.http, str(NAMES), json.dumps(options.client())]
    with Process(command, options.folder / "asking.log") as asking:
        return Contents(**json.loads(asking.output(300)))
