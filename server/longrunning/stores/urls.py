"""Stores by URL, as a command line names them."""

from longrunning.stores.contract import Store, StoreError
from longrunning.stores.memory import MemoryStore
from longrunning.stores.sqlite import SQLiteStore

_EXPECTED = "expected 'memory:' or 'sqlite:///PATH' (four slashes for an absolute path)"


def store_from_url(url: str) -> Store:
    """Returns the store that a URL names; nothing is opened yet.

    Args:
        url: `memory:`, or `sqlite:///relative/path`, or `sqlite:////absolute/path`.

    Raises:
        StoreError: no store has such a URL.
    """
    if url == "memory:":
        return MemoryStore()
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite" and path:
        return SQLiteStore(path)
    raise StoreError(f"unknown store URL {url!r}: {_EXPECTED}")
