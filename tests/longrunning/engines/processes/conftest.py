"""A pool of processes that leaves none behind."""

from collections.abc import AsyncIterator

import pytest

from longrunning.engines.processes import ProcessPool
from tests.longrunning.engines.processes.calls import Calling, children


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    before = children()
    pool = ProcessPool(spare=1)
    yield Calling(pool)
    await pool.close()
    assert children() <= before
