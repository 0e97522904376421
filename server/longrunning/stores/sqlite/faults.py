"""What SQLite's errors mean to those who operate the store, and to its callers."""

import logging
import sqlite3
from pathlib import Path

from longrunning.errors import AlreadyExists, OperationsError, ResourceExhausted, Unavailable
from longrunning.stores.contract import StoreError

_log = logging.getLogger(__name__)

_OPENING = {
    "SQLITE_NOTADB": "is not a SQLite database; name another file, or move this one away",
    "SQLITE_CORRUPT": "is a damaged SQLite database; restore it from a backup",
    "SQLITE_CANTOPEN": "cannot be opened; its directory must exist and be writable",
    "SQLITE_READONLY": "is not writable; the file and its directory both have to be",
    "SQLITE_BUSY": "is locked by another process",
    "SQLITE_FULL": "has no room: the disk is full",
    "SQLITE_PERM": "may not be opened by this user",
}


def opening_error(path: Path, error: sqlite3.Error) -> StoreError:
    """Returns what to tell an operator whose store does not open."""
    name = _primary_name(error)
    why = _OPENING.get(name) or (
        f"cannot be used as a store ({name}); name a regular file, such as sqlite:///operations.db"
    )
    return StoreError(f"{path} {why}")


def serving_error(error: sqlite3.Error) -> OperationsError:
    """Returns what to tell a caller, and logs what SQLite said."""
    name = _primary_name(error)
    if name == "SQLITE_CONSTRAINT":
        return AlreadyExists("There is an operation of that name already.", reason="NAME_TAKEN")
    _log.error("SQLite refused: %s (%s)", error, name)
    if name in ("SQLITE_FULL", "SQLITE_TOOBIG"):
        return ResourceExhausted("The store has no room for this.", reason="STORE_FULL")
    return unavailable()


def unavailable() -> Unavailable:
    """Returns what to tell a caller whom the store cannot serve now."""
    return Unavailable("The store cannot serve this now.", reason="STORE_UNAVAILABLE")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process is in the way."""
    return _primary_name(error) == "SQLITE_BUSY"


def _primary_name(error: sqlite3.Error) -> str:
    """Returns the primary result code, `SQLITE_READONLY` for `SQLITE_READONLY_DIRECTORY`."""
    extended = getattr(error, "sqlite_errorname", None) or "SQLITE_ERROR"
    return "_".join(extended.split("_")[:2])
