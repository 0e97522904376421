"""Where operations are kept: one contract, and the stores that keep it."""

from typing import TYPE_CHECKING

from longrunning.stores.contract import Heart, Page, Query, Store, StoreError, Work, Worklist
from longrunning.stores.memory import MemoryStore
from longrunning.stores.sqlite import SQLiteStore
from longrunning.stores.urls import store_from_url

if TYPE_CHECKING:
    from longrunning.stores.postgres import PostgresStore

__all__ = [
    "Heart",
    "MemoryStore",
    "Page",
    "PostgresStore",
    "Query",
    "SQLiteStore",
    "Store",
    "StoreError",
    "Work",
    "Worklist",
    "store_from_url",
]


def __getattr__(name: str) -> object:
    """Imports the store that needs an extra when it is first used."""
    if name != "PostgresStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from longrunning.stores.postgres import PostgresStore  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in ("psycopg", "psycopg_pool"):
            raise
        raise ImportError(
            "PostgresStore needs the extra 'postgres': pip install 'longrunning[postgres]'"
        ) from None
    return PostgresStore
