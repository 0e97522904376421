"""Every store, open and empty: a new one joins the suite of the contract by a line here."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from longrunning import Store
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import Memory, PostgresSchema, SQLiteFile, Storage


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the session."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgres", "postgres-without-notify"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """A fresh place for operations, of every kind."""
    made: Storage
    if request.param == "memory":
        made = Memory()
    elif request.param == "sqlite":
        made = SQLiteFile(tmp_path)
    else:
        server = request.getfixturevalue("postgres")
        made = PostgresSchema(server, notify=request.param == "postgres")
    yield made
    made.remove()


@pytest.fixture
async def store(storage: Storage) -> AsyncIterator[Store]:
    """An open store."""
    opened = storage.store()
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def another(storage: Storage, store: Store) -> AsyncIterator[Store]:
    """Another open store in the same place, as another process would have; memory has only one."""
    opened = storage.store()
    if opened is store:
        yield store
        return
    await opened.open()
    yield opened
    await opened.close()
