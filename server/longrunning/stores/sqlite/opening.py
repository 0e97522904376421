"""Opening a SQLite file: whose it is, bringing its tables up to date, and the connections to it."""

import contextlib
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from longrunning.stores import migrations
from longrunning.stores.contract import StoreError
from longrunning.stores.migrations import Migrate, Migrated
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.faults import opening_error
from longrunning.stores.sqlite.lock_wait import wait_for_lock

APPLICATION_ID = 0x4C524F70
"""Marks a file as ours in its header (`PRAGMA application_id`)."""

_OLDEST_SQLITE = (3, 37, 0)  # STRICT tables
_READING_BUSY_SECONDS = 0.2  # on the event loop; in WAL only a closing process makes a reader wait
_PAGE_TOKEN_KEY = "page_token_key"  # noqa: S105 - the name of a secret, not its value
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    version       INTEGER NOT NULL PRIMARY KEY,
    oldest_reader INTEGER NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file in use.

    Attributes:
        writing: for the writer's thread; without a timeout, see `wait_for_lock`.
        reading: for point reads on the event loop.
        listing: for the thread of lists.
        page_token_key: the secret that the file keeps.
        migrated: what was done to its tables.
    """

    writing: sqlite3.Connection
    reading: sqlite3.Connection
    listing: sqlite3.Connection
    page_token_key: bytes
    migrated: Migrated


def open_file(path: Path, migrate: Migrate, busy_seconds: float) -> Opened:
    """Opens a file, and brings its tables up to date.

    Args:
        path: the file.
        migrate: whether its tables may be changed.
        busy_seconds: how long to wait for other processes, now and for later writes.

    Raises:
        StoreError: it cannot be used; a file that is not ours is left as it was.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    with contextlib.ExitStack() as undo:
        try:
            if migrate == "never" and not path.exists():
                raise StoreError("is not there: run 'lro migrate'")
            writing = _connect(path, 0, undo)
            wait_for_lock(lambda: _check_file(writing), busy_seconds)
            wait_for_lock(lambda: writing.execute("PRAGMA journal_mode = WAL"), busy_seconds)
            writing.execute("PRAGMA synchronous = FULL")
            wait_for_lock(lambda: writing.execute("BEGIN IMMEDIATE"), busy_seconds)
            migrated = _migrate(writing, migrate)
            values = (_PAGE_TOKEN_KEY, secrets.token_bytes(32))
            writing.execute(queries.KEEP_SECRET, values)
            (key,) = writing.execute(queries.SECRET, (_PAGE_TOKEN_KEY,)).fetchone()
            writing.execute("COMMIT")
            reading = _connect(path, _READING_BUSY_SECONDS, undo)
            listing = _connect(path, busy_seconds, undo)
            for connection in (reading, listing):
                connection.execute("PRAGMA query_only = ON")
                connection.execute(queries.SECRET, ("",)).fetchall()  # opens the file for good
        except StoreError as error:
            raise StoreError(f"{path} {error}") from None
        except sqlite3.Error as error:
            raise opening_error(path, error) from None
        undo.pop_all()
    return Opened(
        writing=writing, reading=reading, listing=listing, page_token_key=key, migrated=migrated
    )


def _connect(path: Path, busy_seconds: float, undo: contextlib.ExitStack) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=busy_seconds, isolation_level=None, check_same_thread=False
    )
    undo.callback(connection.close)
    return connection


def _check_file(connection: sqlite3.Connection) -> None:
    """Refuses another application's database, before anything is written to it."""
    with connection:  # what is read is of one moment: others may be opening it too
        connection.execute("BEGIN")
        _check_ours(connection)


def _check_ours(connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise StoreError("is another application's database; name another file")


def _migrate(connection: sqlite3.Connection, migrate: Migrate) -> Migrated:
    """Takes the missing steps; the caller holds the write lock in a transaction."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    version = reader = 0
    if tables:
        _check_ours(connection)
        version, reader = connection.execute(
            "SELECT coalesce(max(version), 0), coalesce(max(oldest_reader), 0) FROM migrations"
        ).fetchone()
    steps = migrations.missing(
        migrations.load("longrunning.stores.sqlite"),
        version=version,
        oldest_reader=reader,
        migrate=migrate,
    )
    if not tables:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(_LEDGER)
    for step in steps:
        for statement in _statements(step.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?)", (step.version, step.oldest_reader)
        )
    return Migrated(version, steps[-1].version if steps else version)


def _statements(sql: str) -> list[str]:
    """Splits a script: `executescript` would commit the transaction that holds the lock."""
    statements, current = [], ""
    for line in sql.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
