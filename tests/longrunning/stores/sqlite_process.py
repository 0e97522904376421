"""Another process on a SQLite file: does what each line of its input says, then answers with one.

Run as `python -m tests.longrunning.stores.sqlite_process PATH`.
"""

import asyncio
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from longrunning import SQLiteStore
from tests.longrunning.stores.records import new_record


class SQLiteProcess:
    """The process, as a test drives it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "SQLiteProcess":
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.communicate()

    def does(self, *words: str) -> str:
        """Has it do something; returns its answer, once that is done."""
        assert self.process.stdin
        assert self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, f"it ended over {words}"
        return answer.strip()


async def do(store: SQLiteStore, path: Path, what: str, name: str) -> str | int | bool:
    match what:
        case "create":
            return (await store.create(new_record(), b"")).name
        case "replace":
            record = await store.get(name)
            assert record
            following = replace(
                record, revision=record.revision + 1, operation=record.operation + b"\x12\x00"
            )
            assert await store.replace(following)
            return following.revision
        case "expire":
            record = await store.get(name)
            assert record
            expired = replace(record, revision=record.revision + 1, expire_time=1)
            assert await store.replace(expired)
            return await store.purge(now=2, limit=1)
        case "delete":
            return await store.delete(name)
        case "read":
            record = await store.get(name)
            return record.revision if record else 0
        case "lock":
            return _can_lock(path)
        case "scribble":
            return _scribble(path)
        case "sql":
            return _on_another_connection(path, name)
        case _:
            raise ValueError(what)


def _on_another_connection(path: Path, statement: str) -> str:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0.2)
    try:
        return str(connection.execute(statement).fetchone())
    finally:
        connection.close()


def _can_lock(path: Path) -> bool:
    """Whether nobody holds the lock that a writer has."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_BUSY":
            raise
        return False
    finally:
        connection.close()
    return True


def _scribble(path: Path) -> int:
    """Leaves the header of the WAL index as a process does that is killed while it writes it."""
    index = os.open(f"{path}-shm", os.O_RDWR)  # never closed: that would cost this process's locks
    return os.pwrite(index, b"\0" * 8, 48 + 40)


async def main(path: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    for line in sys.stdin:
        what, _, name = line.strip().partition(" ")
        sys.stdout.write(f"{await do(store, path, what, name)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
