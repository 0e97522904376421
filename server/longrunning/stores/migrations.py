"""Numbered steps from an empty database to today's tables, for every store that has tables.

A step is a file `NNNN_name.sql` in the store's own `migrations` folder. Its first line says
`-- oldest reader: N`: the oldest schema whose code can still read and write a database that has
taken the step. A database is refused only if that is newer than the code, so that the processes of
a rolling deployment work side by side.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, Protocol, runtime_checkable

from longrunning.stores.contract import StoreError

Migrate = Literal["auto", "never"]
"""Whether opening a store brings its tables up to date, or refuses to work with old ones."""

_FILE = re.compile(r"(\d{4})_\w+\.sql")
_FIRST_LINE = re.compile(r"-- oldest reader: (\d+)\n")


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


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did to a database: its version before, 0 for an empty one, and after."""

    before: int
    after: int


@runtime_checkable
class Migratable(Protocol):
    """A store that has tables."""

    async def migrate(self) -> Migrated:
        """Brings the tables of a store that is not open up to date.

        Raises:
            StoreError: it cannot be opened, or is too new for this code.
        """
        ...


def load(package: str) -> list[Migration]:
    """Returns the steps in the `migrations` folder of a package, in order."""
    steps = []
    for file in (resources.files(package) / "migrations").iterdir():
        if match := _FILE.fullmatch(file.name):
            sql = file.read_text(encoding="utf-8")
            first = _FIRST_LINE.match(sql)
            if first is None:
                raise AssertionError(f"{file.name} does not begin with its oldest reader")
            steps.append(Migration(version=int(match[1]), oldest_reader=int(first[1]), sql=sql))
    return sorted(steps, key=lambda step: step.version)


def missing(
    steps: Sequence[Migration], *, version: int, oldest_reader: int, migrate: Migrate
) -> Sequence[Migration]:
    """Returns the steps that a database has yet to take.

    Args:
        steps: all that this code knows.
        version: the newest step that the database has taken, 0 for none.
        oldest_reader: the newest of the oldest readers of those steps.
        migrate: whether they may be taken.

    Raises:
        StoreError: the database is too new for this code, or too old and not to be migrated; the
            message goes on after the store's URL.
    """
    ours = steps[-1].version
    if oldest_reader > ours:
        raise StoreError(
            f"was written by a newer longrunning (schema {version}, readable from schema "
            f"{oldest_reader} on); this one knows schema {ours}: upgrade longrunning"
        )
    wanted = [step for step in steps if step.version > version]
    if wanted and migrate == "never":
        found = f"has schema {version}" if version else "has no tables yet"
        raise StoreError(f"{found}, and this longrunning needs schema {ours}: run 'lro migrate'")
    return wanted
