"""Where operations are kept: one contract, and the stores that keep it."""

from longrunning.stores.contract import Query, Store, StoreError, Worklist
from longrunning.stores.memory import MemoryStore
from longrunning.stores.sqlite import SQLiteStore
from longrunning.stores.urls import store_from_url

__all__ = [
    "MemoryStore",
    "Query",
    "SQLiteStore",
    "Store",
    "StoreError",
    "Worklist",
    "store_from_url",
]
