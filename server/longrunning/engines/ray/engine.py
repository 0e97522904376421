"""The side of a `RayEngine` that the API server has."""

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

from longrunning.engines.contract import Engine
from longrunning.engines.ray.settings import Settings
from longrunning.engines.ray.target import check, identity
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger

_log = logging.getLogger(__name__)

_RESTART_SECONDS = 1.0
_STOPPING_SECONDS = 5.0


class RayEngine(Engine):
    """Gives the work to a Ray cluster, whose processes do it under leases of their own.

    Each operation becomes a Ray task with the resources of its handler. The work outlives this
    process, and is not sent again by the next one. While Ray is away, operations wait.

    Args:
        target: `module:attribute`, where the cluster finds the App or the Operations with these
            handlers.
        address: the cluster, as `ray.init` takes it; None for RAY_ADDRESS or what Ray finds.
        store: the URL of the store for the cluster, None for the one that the module has there.
        runtime_env: what of code and packages Ray brings to its nodes, as `ray.init` takes it, made
            of plain values; None for what the nodes have.
        max_tasks: how many tasks of each handler are in Ray at once, running and waiting; the
            others wait in the store.
        lease_seconds: how long after its last sign of life a Ray worker counts as dead.
        sweep_seconds: how often to look for work, and for cancellations, that nobody told of.
        resend_seconds: how long to wait with sending again what a task could not take.
        linger_seconds: how long after the end of the API server that made it the dispatcher goes on
            to begin operations; a few seconds at least.
        start_seconds: how long to wait for the cluster's answer at the start; whatever it is that
            comes later, operations are accepted, and wait.

    Raises:
        ImportError: Ray is not installed.
        ValueError: the target is malformed.
    """

    def __init__(
        self,
        target: str,
        *,
        address: str | None = None,
        store: str | None = None,
        runtime_env: Mapping[str, Any] | None = None,
        max_tasks: int = 500,
        lease_seconds: float = 15.0,
        sweep_seconds: float = 1.0,
        resend_seconds: float = 5.0,
        linger_seconds: float = 10.0,
        start_seconds: float = 15.0,
    ) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ImportError("RayEngine needs the extra 'ray': pip install 'longrunning[ray]'")
        check(target)
        self._address = address
        self._runtime_env = dict(runtime_env) if runtime_env else None
        self._start_seconds = start_seconds
        self._settings = Settings(
            target=target,
            store=store,
            max_tasks=max_tasks,
            lease_seconds=lease_seconds,
            sweep_seconds=sweep_seconds,
            resend_seconds=resend_seconds,
            linger_seconds=linger_seconds,
        )

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Connects to the cluster; goes on without where it is away, and tries again.

        Raises:
            RuntimeError: the cluster cannot do this work: it has another store, or not this module.
        """
        config = {
            "address": self._address,
            "runtime_env": self._runtime_env,
            "settings": dataclasses.asdict(self._settings),
            "store": identity(ledger.store),
            "handlers": [handler.name for handler in handlers],
        }
        self._config = json.dumps(config).encode() + b"\n"
        self._bridge: asyncio.subprocess.Process | None = None
        self._ended = asyncio.Event()
        self._first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._keeping = asyncio.create_task(self._keep_bridge())
        try:
            async with asyncio.timeout(self._start_seconds):
                refusal = await asyncio.shield(self._first)
        except TimeoutError:
            refusal = ""
            _log.warning("Ray has not answered yet; operations wait")
        except BaseException:
            await self.stop(0)
            raise
        if refusal:
            await self.stop(0)
            raise RuntimeError(refusal)

    def dispatch(self, name: str) -> None:  # noqa: ARG002 - whatever is oldest is next
        """Wakes the dispatcher, unless it is being woken already."""
        pipe = self._bridge.stdin if self._bridge else None
        if pipe and not pipe.is_closing() and not pipe.transport.get_write_buffer_size():
            pipe.write(b"\n")

    async def stop(self, grace: float) -> None:  # noqa: ARG002 - the cluster's work is not ended
        """Lets go of the cluster, in which the work goes on."""
        self._ended.set()
        if self._bridge and self._bridge.stdin:
            self._bridge.stdin.close()
        await self._keeping

    async def _keep_bridge(self) -> None:
        while not self._ended.is_set():
            try:
                await self._run_bridge()
            except Exception:
                _log.exception("the bridge to Ray failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_RESTART_SECONDS):
                    await self._ended.wait()

    async def _run_bridge(self) -> None:
        paths = [path or os.getcwd() for path in sys.path]  # noqa: PTH109 - as sys.path means it
        bridge = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "longrunning.engines.ray.bridge"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            start_new_session=True,  # Ctrl-C is for the server, which closes the pipe
        )
        assert bridge.stdin
        assert bridge.stdout
        bridge.stdin.write(self._config)
        self._bridge = bridge
        if self._ended.is_set():
            bridge.stdin.close()
        try:
            async for line in bridge.stdout:
                self._hear(*line.decode().strip().partition(" ")[::2])
        finally:
            await self._end(bridge)
        if not self._ended.is_set():
            self._hear("away", "the bridge has ended, and starts again")

    def _hear(self, word: str, why: str) -> None:
        if word == "ready":
            _log.info("Ray takes the work of %s", self._settings.target)
        elif word == "refused":
            _log.error("Ray cannot do this work: %s", why)
        else:
            _log.warning("Ray is away, operations wait: %s", why)
        if not self._first.done():
            self._first.set_result(why if word == "refused" else "")

    async def _end(self, bridge: asyncio.subprocess.Process) -> None:
        assert bridge.stdin
        bridge.stdin.close()
        try:
            async with asyncio.timeout(_STOPPING_SECONDS):
                await bridge.wait()
        except TimeoutError:
            bridge.kill()
            await bridge.wait()
