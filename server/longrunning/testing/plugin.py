"""pytest fixtures: `operations`, open in memory, and its `fake_clock`.

Put `pytest_plugins = ["longrunning.testing.plugin"]` into the `conftest.py` at the top of your
tests. It needs pytest and pytest-asyncio; they are yours to install.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from longrunning.operations import Operations
from longrunning.stores import MemoryStore
from longrunning.testing.fake_clock import FakeClock
from longrunning.testing.in_memory import in_memory


@pytest.fixture
def fake_clock() -> FakeClock:
    """The clock of `operations`."""
    return FakeClock()


@pytest.fixture
def declared_operations() -> Operations:
    """What `operations` opens: override it to return the one that your handlers belong to."""
    return Operations(MemoryStore())


@pytest_asyncio.fixture
async def operations(
    declared_operations: Operations, fake_clock: FakeClock
) -> AsyncIterator[Operations]:
    """Your operations, open on a store in memory, at the time of `fake_clock`."""
    async with in_memory(declared_operations, clock=fake_clock) as opened:
        yield opened
