"""Stores by URL, as a command line names them."""

from urllib.parse import parse_qsl, urlencode

from longrunning.stores.contract import Store, StoreError
from longrunning.stores.memory import MemoryStore
from longrunning.stores.migrations import Migrate
from longrunning.stores.sqlite import SQLiteStore

_EXPECTED = (
    "expected 'memory:', 'sqlite:///PATH' (four slashes for an absolute path) "
    "or 'postgresql://USER@HOST/DATABASE'"
)


def store_from_url(url: str, *, migrate: Migrate = "auto") -> Store:
    """Returns the store that a URL names; nothing is opened yet.

    Args:
        url: `memory:`, `sqlite:///relative/path`, `sqlite:////absolute/path`, or a URL of
            PostgreSQL, in which `schema=NAME` may stand among the parameters behind `?`.
        migrate: whether opening the store may change its tables.

    Raises:
        StoreError: no store has such a URL, or what the store needs is not installed.
    """
    if url == "memory:":
        return MemoryStore()
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite" and path:
        return SQLiteStore(path, migrate=migrate)
    if url.startswith(("postgresql://", "postgres://")):
        return _postgres(url, migrate)
    before, at, place = url.rpartition("@")
    shown = f"{before.partition(':')[0]}://...@{place}" if at else url  # without a password
    raise StoreError(f"unknown store URL {shown!r}: {_EXPECTED}")


def _postgres(url: str, migrate: Migrate) -> Store:
    address, _, query = url.partition("?")
    parameters = parse_qsl(query, keep_blank_values=True)
    schema = dict(parameters).get("schema", "longrunning")
    rest = urlencode([pair for pair in parameters if pair[0] != "schema"])
    try:
        from longrunning.stores import PostgresStore  # noqa: PLC0415 - an extra

        return PostgresStore(f"{address}?{rest}", schema=schema, migrate=migrate)
    except (ImportError, ValueError) as error:
        raise StoreError(str(error)) from None
