"""SIGKILL at random moments under mixed load: what was acknowledged is there, nothing by halves.

Twenty kills here; `make soak` does a hundred. A kill leaves what the process had handed to the
kernel, so it says nothing of the disk: `test_syncs` does.
"""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from longrunning import Store
from longrunning.lifecycle import Record
from longrunning.stores import Query, store_from_url
from tests.longrunning.stores import mixed_load
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema

KILLS = int(os.environ.get("LRO_KILLS", "20"))
AT_LEAST = 20
"""Lines that a process writes before it may be killed: it is under load by then."""

Acknowledged = dict[str, tuple[int, str]]
"""The last line for each name: see `mixed_load`."""


def run_and_kill(url: str, acknowledged: Acknowledged) -> None:
    """Lets a process work for a random while, kills it, and notes what was acknowledged to it."""
    with subprocess.Popen(
        [sys.executable, "-m", mixed_load.__name__, url], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        first = b""
        for _ in range(AT_LEAST):  # however slow the disk is
            line = process.stdout.readline()
            assert line, "it ended by itself"
            first += line
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(random.uniform(0.0, 0.25))
        process.send_signal(signal.SIGKILL)
        lines = first + process.stdout.read()
    for line in lines.splitlines():
        name, revision, digest = line.decode().split()
        acknowledged[name] = int(revision), digest


async def verify(store: Store, acknowledged: Acknowledged) -> None:
    """Every acknowledged step is there, or a later one; and no record is there by halves."""
    found: dict[str, Record] = {}
    query = Query(parent=None, limit=500)
    while True:
        page = await store.list(query)
        for record in page.records:
            mixed_load.check(record)
            found[record.name] = record
        if not page.position:
            break
        query = Query(parent=None, limit=500, before=page.position)
    for name, (revision, digest) in acknowledged.items():
        if revision == mixed_load.DELETED:
            assert name not in found, "a deletion was undone"
        elif revision != mixed_load.DELETING:
            record = found.get(name)
            assert record is not None, "an acknowledged operation is gone"
            assert record.revision >= revision
            if record.revision == revision:
                assert mixed_load.digest_of(record) == digest


@pytest.mark.timeout(600)
def test_sqlite_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "operations.db"
    acknowledged: Acknowledged = {}

    async def look() -> None:
        store = store_from_url(f"sqlite:///{path}")
        await store.open()
        await verify(store, acknowledged)
        await store.close()

    for _ in range(KILLS):
        run_and_kill(f"sqlite:///{path}", acknowledged)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        asyncio.run(look())


@pytest.mark.timeout(600)
def test_postgres_keeps_what_it_acknowledged(postgres: PostgresServer) -> None:
    place = PostgresSchema(postgres)
    url = f"{postgres.url}&schema={place.schema}"
    acknowledged: Acknowledged = {}

    async def look() -> None:
        store = store_from_url(url)
        await store.open()
        await verify(store, acknowledged)
        await store.close()

    for _ in range(max(KILLS // 4, 3)):
        ((before,),) = postgres.execute("SELECT clock_timestamp()::text")
        run_and_kill(url, acknowledged)
        # What the killed process had sent may still be on its way through its connections.
        wait_for_nobody_since(before, postgres)
        asyncio.run(look())
    place.remove()


def wait_for_nobody_since(time: str, postgres: PostgresServer) -> None:
    """Waits for the end of the connections that were made since then; earlier ones are others'."""
    query = (
        "SELECT count(*) FROM pg_stat_activity "
        f"WHERE application_name = 'longrunning' AND backend_start > '{time}'"
    )
    while postgres.execute(query) != [(0,)]:
        pass
