"""Places where the stores of a test keep their operations; several stores can share one."""

from abc import ABC, abstractmethod
from pathlib import Path

from longrunning import MemoryStore, PostgresStore, SQLiteStore, Store
from tests.longrunning.stores.postgres_server import PostgresServer


class Storage(ABC):
    """One place."""

    durable = True

    @abstractmethod
    def store(self) -> Store:
        """Returns a store on this place that is not open: what another process would have."""

    def remove(self) -> None:  # noqa: B027 - most places go with the folder of their test
        """Clears up."""


class Memory(Storage):
    """The memory of the process: there is one store only."""

    durable = False

    def __init__(self) -> None:
        self._store = MemoryStore()

    def store(self) -> MemoryStore:
        return self._store


class SQLiteFile(Storage):
    def __init__(self, folder: Path) -> None:
        self.path = folder / "operations.db"

    def store(self) -> SQLiteStore:
        return SQLiteStore(self.path)


class PostgresSchema(Storage):
    def __init__(self, server: PostgresServer, *, notify: bool = True) -> None:
        self.server = server
        self.schema = server.new_schema()
        self._notify = notify

    def store(self, **options: object) -> PostgresStore:
        options.setdefault("notify", self._notify)
        return PostgresStore(self.server.url, schema=self.schema, **options)  # type: ignore[arg-type]

    def remove(self) -> None:
        self.server.drop(self.schema)
