"""The dispatcher: an actor in the cluster, from which Ray gets its tasks.

Ray ends the tasks of a driver with it. These are the dispatcher's, a detached actor, so they
outlive every API server.
"""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import logging
import time
from collections.abc import Sequence
from typing import Literal

import ray

from longrunning.engines.ray.settings import Settings
from longrunning.engines.ray.target import identity, load
from longrunning.engines.ray.tasks import TaskEngine
from longrunning.stores import StoreError

_log = logging.getLogger(__name__)

Word = tuple[Literal["ready", "away", "refused"], str]
"""Whether the cluster takes work; if not, why, and whether that may pass by itself."""


NAMESPACE = "longrunning"
"""Ray's namespace of the dispatchers."""


def name_of(settings: Settings, runtime_env: str) -> str:
    """Returns the name that all API servers with these settings and this code find it by."""
    version = [importlib.metadata.version("longrunning"), repr(settings), runtime_env]
    return f"{settings.target} {hashlib.sha256(repr(version).encode()).hexdigest()[:16]}"


class Dispatcher:
    """Sends tasks as long as an API server says hello, and ends once it has nothing to do.

    It purges and recovers besides, as every process does that has an Operations open.

    Args:
        settings: where the handlers are, and how to send their work.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = asyncio.Lock()
        self._opened = contextlib.AsyncExitStack()
        self._engine: TaskEngine | None = None
        self._store = ""
        self._heard = time.monotonic()
        self._leaving: asyncio.Task[None] | None = None

    async def hello(self, store: str, handlers: Sequence[str]) -> Word:
        """Says that an API server is there, and returns whether its work is done here.

        Args:
            store: the identity of its store.
            handlers: the names of its handlers.
        """
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave_when_alone())
        async with self._lock:
            if (engine := self._engine) is None:
                try:
                    engine = await self._open()
                except StoreError as error:
                    return "away", f"the store cannot be opened in the cluster: {error}"
                except Exception as error:
                    return "refused", f"{self._settings.target}: {type(error).__name__}: {error}"
        if missing := ", ".join(sorted(set(handlers) - engine.handlers)):
            return "refused", f"{self._settings.target} in the cluster has no handler {missing}"
        if store != self._store:
            return "refused", (
                f"the store of {self._settings.target} in the cluster is not the one that is "
                "served: give RayEngine its URL as store=..."
            )
        self._heard = time.monotonic()
        return "ready", ""

    async def wake(self) -> None:
        """Says that there may be something to send."""
        if self._engine:
            self._engine.dispatch("")

    async def status(self) -> tuple[bool, list[str]]:
        """Returns whether it sends tasks, and the names of the operations that are tasks now."""
        if self._engine is None:
            return False, []
        return self._engine.taking, self._engine.names

    async def _open(self) -> TaskEngine:
        operations = load(self._settings)
        engine = operations.engine = TaskEngine(self._settings)
        await self._opened.enter_async_context(operations)
        self._engine, self._store = engine, identity(operations.store)
        return engine

    async def _leave_when_alone(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sweep_seconds)
            alone = time.monotonic() - self._heard > self._settings.linger_seconds
            if self._engine:
                # Another version of the service may have come in place of those that have gone.
                self._engine.taking = not alone
            if alone and not self._engine:
                break
        async with self._lock:
            await self._opened.aclose()
            ray.kill(ray.get_runtime_context().current_actor)
