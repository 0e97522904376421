"""Every store, open and empty: a new one joins the suite of the contract by a line here."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from longrunning import Store
from tests.longrunning.conftest import PLACES, place
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema, Storage


@pytest.fixture(params=[*PLACES, "postgres-without-notify"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """A fresh place of every kind, PostgreSQL with its messages and by its slow poll alone."""
    yield from place(request, tmp_path)


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


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a store is that other processes can open too."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/operations.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    made = PostgresSchema(server)
    yield f"{server.url}&schema={made.schema}"
    made.remove()
