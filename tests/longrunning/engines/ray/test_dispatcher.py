"""When a dispatcher takes work, and when it leaves; no cluster is needed for that."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from longrunning import MemoryStore, Operations
from longrunning.engines.ray import dispatcher as module
from longrunning.engines.ray.dispatcher import Dispatcher, Greeting
from longrunning.engines.ray.settings import Settings

LINGER = 0.3


class Dispatching:
    """A dispatcher outside of Ray, and whether it has left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = asyncio.Event()
        self.import_seconds = 0.0
        self.now = 0.0
        self.operations = Operations(MemoryStore())
        settings = Settings(
            target="a:b",
            store=None,
            max_tasks=1,
            lease_seconds=1.0,
            sweep_seconds=0.02,
            resend_seconds=1.0,
            linger_seconds=LINGER,
        )
        self.dispatcher = Dispatcher(settings, "job")
        runtime = SimpleNamespace(current_actor=None)
        ray = SimpleNamespace(kill=lambda _: self.left.set(), get_runtime_context=lambda: runtime)
        monkeypatch.setattr(module, "ray", ray)
        monkeypatch.setattr(module, "load", self._load)
        # Time passes when a test says so, however busy the machine is.
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _load(self, _: Settings) -> Operations:
        self.now += self.import_seconds
        return self.operations

    async def looked(self) -> None:
        """Returns once it has looked whether it is alone, and stays."""
        engine = self.dispatcher._engine
        assert engine is not None
        engine.taking = False
        async with asyncio.timeout(20):
            while not engine.taking:
                assert not self.left.is_set()
                await asyncio.sleep(0.01)

    async def hello(self) -> str:
        return (await self.dispatcher.hello(Greeting(job="job", store="", handlers=[])))[0]


@pytest.fixture
async def dispatching(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Dispatching]:
    made = Dispatching(monkeypatch)
    yield made
    made.now += 2 * LINGER  # nobody says hello any more
    async with asyncio.timeout(20):
        await made.left.wait()


async def test_one_that_takes_long_to_import_its_module_stays(dispatching: Dispatching) -> None:
    dispatching.import_seconds = 2 * LINGER
    await dispatching.hello()
    await dispatching.looked()


async def test_one_with_nothing_in_ray_is_woken_and_takes_work_again(
    dispatching: Dispatching,
) -> None:
    await dispatching.hello()
    engine = dispatching.dispatcher._engine
    assert engine is not None
    await dispatching.looked()  # whatever its last round left, before it heard of its maker again
    woken: list[str] = []
    engine.dispatch = woken.append  # type: ignore[method-assign]
    await dispatching.dispatcher.wake()
    assert woken == [""]
