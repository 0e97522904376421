"""Operations in one SQLite file."""

from longrunning.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
