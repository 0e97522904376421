"""The numbered steps from an empty database to today's tables.

Each step is a file `NNNN_name.sql` whose first line says `-- oldest reader: N`: the oldest version
of this package's schema that can still read and write a database which has taken the step.
"""

import re
import sqlite3
from dataclasses import dataclass
from importlib import resources

from longrunning.stores.contract import StoreError

APPLICATION_ID = 0x4C524F70
"""Marks a file as ours in its header (`PRAGMA application_id`)."""

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_FIRST_LINE = re.compile(r"-- oldest reader: (\d+)\n")
_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    version       INTEGER NOT NULL PRIMARY KEY,
    oldest_reader INTEGER NOT NULL
) STRICT
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step.

    Attributes:
        version: the schema's version after the step.
        oldest_reader: the oldest version that can work with it.
        sql: the statements.
    """

    version: int
    oldest_reader: int
    sql: str


def migrations() -> list[Migration]:
    """Returns every step, in order."""
    steps = []
    for file in resources.files(__package__).iterdir():
        if match := _FILE.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            first = _FIRST_LINE.match(sql)
            if first is None:
                raise AssertionError(f"{file.name} does not begin with its oldest reader")
            steps.append(Migration(version=int(match[1]), oldest_reader=int(first[1]), sql=sql))
    return sorted(steps, key=lambda step: step.version)


def migrate(connection: sqlite3.Connection) -> None:
    """Brings a database up to date; the caller holds the write lock in a transaction.

    Raises:
        StoreError: the database is another application's, or too new for this version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (application or tables):
        raise StoreError("is another application's database; name another file")
    steps = migrations()
    ours = steps[-1].version
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(_LEDGER)
    theirs, reader = connection.execute(
        "SELECT coalesce(max(version), 0), coalesce(max(oldest_reader), 0) FROM migrations"
    ).fetchone()
    if reader > ours:
        raise StoreError(
            f"was written by a newer longrunning (schema {theirs}, readable from schema {reader} "
            f"on); this one knows schema {ours}: upgrade longrunning"
        )
    for step in steps:
        if step.version > theirs:
            for statement in _statements(step.sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations VALUES (?, ?)", (step.version, step.oldest_reader)
            )


def _statements(sql: str) -> list[str]:
    """Splits a script: `executescript` would commit the transaction that holds the lock."""
    statements, current = [], ""
    for line in sql.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
