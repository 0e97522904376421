"""What the tests of the server share: an injected clock, and operations on a real store."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from longrunning import InProcessEngine, MemoryStore, Operations, SQLiteStore, Store


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


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store that is not open yet."""
    return MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "operations.db")


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
