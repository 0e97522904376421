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
from dataclasses import dataclass
from typing import Literal

import ray

from longrunning.engines.ray.settings import Settings
from longrunning.engines.ray.target import identity, load
from longrunning.engines.ray.tasks import TaskEngine
from longrunning.errors import OperationsError
from longrunning.stores import StoreError

_log = logging.getLogger(__name__)

Word = tuple[Literal["ready", "away", "refused", "leaving"], str]
"""Whether work is taken; if not, why, and whether that passes by itself or another takes it."""

NAMESPACE = "longrunning"
"""Ray's namespace of the dispatchers."""


def name_of(settings: Settings, runtime_env: str) -> str:
    """Returns what the names of all dispatchers with these settings and this code begin with."""
    version = [importlib.metadata.version("longrunning"), repr(settings), runtime_env]
    return f"{settings.target} {hashlib.sha256(repr(version).encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What an API server says of itself.

    Attributes:
        job: the Ray job of its bridge.
        store: the identity of its store.
        handlers: the names of its handlers.
    """

    job: str
    store: str
    handlers: Sequence[str]


class Dispatcher:
    """Sends tasks for all API servers while the one that made it is there, and then leaves.

    Once the job that made it has ended, Ray starts a process for each of its tasks, and uses none
    twice. Another API server makes another dispatcher then; this one takes back what still waits in
    Ray, and ends with the last of its tasks that run.

    It purges and recovers besides, as every process does that has an Operations open.

    Args:
        settings: where the handlers are, and how to send their work.
        job: the Ray job that made it.
    """

    def __init__(self, settings: Settings, job: str) -> None:
        self._settings = settings
        self._job = job
        self._lock = asyncio.Lock()
        self._opened = contextlib.AsyncExitStack()
        self._engine: TaskEngine | None = None
        self._store = ""
        self._heard = time.monotonic()
        self._leaving: asyncio.Task[None] | None = None

    async def hello(self, greeting: Greeting) -> Word:
        """Says that an API server is there, and returns whether its work is done here."""
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._leave_when_alone())
        if greeting.job == self._job:
            self._heard = time.monotonic()
        elif self._alone:
            return "leaving", ""
        async with self._lock:
            if (engine := self._engine) is None:
                try:
                    engine = await self._open()
                except StoreError as error:
                    return "away", f"the store cannot be opened in the cluster: {error}"
                except Exception as error:
                    return "refused", f"{self._settings.target}: {type(error).__name__}: {error}"
        if missing := ", ".join(sorted(set(greeting.handlers) - engine.handlers)):
            return "refused", f"{self._settings.target} in the cluster has no handler {missing}"
        if greeting.store != self._store:
            return "refused", (
                f"the store of {self._settings.target} in the cluster is not the one that is "
                "served: give RayEngine its URL as store=..."
            )
        return "ready", ""

    async def wake(self) -> None:
        """Says that there may be something to send."""
        if self._engine is not None:
            self._engine.dispatch("")

    async def status(self) -> tuple[bool, list[str]]:
        """Returns whether it sends tasks, and the names of the operations that are tasks now."""
        return not self._alone, self._engine.names if self._engine else []

    @property
    def _alone(self) -> bool:
        if self._lock.locked():  # it opens
            return False
        return time.monotonic() - self._heard > self._settings.linger_seconds

    async def _open(self) -> TaskEngine:
        operations = load(self._settings)
        engine = operations.engine = TaskEngine(self._settings)
        await self._opened.enter_async_context(operations)
        self._engine, self._store = engine, identity(operations.store)
        # An import can take longer than this may be alone, and nobody says hello meanwhile.
        self._heard = time.monotonic()
        return engine

    async def _leave_when_alone(self) -> None:
        while not self._alone or self._engine:
            await asyncio.sleep(self._settings.sweep_seconds)
            if self._engine is not None:
                self._engine.taking = not self._alone
                if self._alone:
                    with contextlib.suppress(OperationsError):  # the next round tries again
                        await self._engine.take_back()
                    if not self._engine:
                        break
        async with self._lock:
            try:
                await self._opened.aclose()
            finally:
                ray.kill(ray.get_runtime_context().current_actor)
