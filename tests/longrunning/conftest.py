"""What the tests of the server share: an injected clock, and operations on a real store."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from longrunning import InProcessEngine, Operations, Store
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import Memory, PostgresSchema, SQLiteFile, Storage

PLACES = ["memory", "sqlite", "postgres"]


class Clock:
    """A time that moves only when it is told to; microseconds since the Unix epoch."""

    def __init__(self, now: int = 1_800_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the session."""
    with PostgresServer() as server:
        server.spare_the_disk()
        yield server


def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """Makes the place that a fixture's parameter names, and clears it up."""
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


@pytest.fixture(params=PLACES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    """A fresh place for operations, of every kind."""
    yield from place(request, tmp_path)


@pytest.fixture
def store(storage: Storage) -> Store:
    """A store that is not open yet."""
    return storage.store()


@pytest.fixture
def new_operations(store: Store, clock: Clock) -> Callable[..., Operations]:
    """Makes an Operations on the store that does not keep a test waiting."""

    def make(**options: object) -> Operations:
        options.setdefault("engine", InProcessEngine(sweep_seconds=0.02))
        return Operations(store, clock=clock, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
async def operations(new_operations: Callable[..., Operations]) -> AsyncIterator[Operations]:
    """An open Operations without handlers."""
    async with new_operations() as opened:
        yield opened
