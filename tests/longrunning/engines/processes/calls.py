"""Calls of handlers in processes, as tests make them, and the processes themselves."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from google.protobuf import any_pb2

from longrunning.engines.assignment import Assignment
from longrunning.engines.processes import ProcessPool
from longrunning.engines.progress import Progress
from longrunning.handlers import Handler
from tests.longrunning.engines.processes.handlers import TEXT

SERVER = Path(__file__).parents[4] / "server"
WAIT = 30.0


class Written:
    """Takes what a handler writes, in place of a store."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.texts: list[tuple[str, str]] = []
        self.came = asyncio.Event()
        self.refusal: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def report(self, message: any_pb2.Any) -> None:
        await self._take("report", message)

    async def checkpoint(self, message: any_pb2.Any) -> None:
        await self._take("checkpoint", message)

    async def _take(self, kind: str, message: any_pb2.Any) -> None:
        text = TEXT()
        assert message.Unpack(text)
        self.texts.append((kind, text.value))
        self.came.set()
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal


def assignment(request: Any = "", **options: Any) -> Assignment:
    if isinstance(request, str):
        request = TEXT(value=request)
    given = {"name": "operations/1", "parent": "", "attempt": 1, "deadline": None}
    return Assignment(request=request, **(given | {"last_checkpoint": None} | options))


class Calling:
    """One pool, and the calls that a test makes in it."""

    def __init__(self, pool: ProcessPool) -> None:
        self.pool = pool

    async def __call__(
        self, handler: Handler[Any, Any], request: Any = "", written: Written | None = None
    ) -> Any:
        written = written or Written()
        work = assignment(request)
        async with asyncio.timeout(WAIT):
            return await self.pool.call(handler, work, cast(Progress, written))

    async def text(
        self, handler: Handler[Any, Any], request: str = "", written: Written | None = None
    ) -> str:
        result = await self(handler, request, written)
        assert isinstance(result, TEXT)
        return result.value

    async def begin(
        self, handler: Handler[Any, Any], request: str = ""
    ) -> tuple[asyncio.Task[Any], Written]:
        """Returns a call that has reported, or whose process has ended."""
        written = Written()
        task = asyncio.create_task(
            self.pool.call(handler, assignment(request), cast(Progress, written))
        )
        async with asyncio.timeout(WAIT):
            await written.came.wait()
        return task, written


def state_of(pid: int) -> tuple[str, int] | None:
    """Returns a process's state and its parent; Z is for one that was not reaped."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def alive(pid: int) -> bool:
    state = state_of(pid)
    return state is not None and state[0] != "Z"


def children() -> set[int]:
    """Returns the processes below this one, the unreaped ones among them."""
    multiprocessing.resource_tracker.ensure_running()  # one for good, whoever starts it
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {pid for pid in pids if (state := state_of(pid)) and state[1] == os.getpid()}


def descriptors() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)


async def outcome_of(task: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(WAIT):
            result = await task
    except asyncio.CancelledError:
        return "CancelledError"
    except Exception as error:
        return type(error).__name__
    assert isinstance(result, TEXT)
    return result.value


def script(tmp_path: Path, text: str, *arguments: str) -> "subprocess.Popen[str]":
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{SERVER}:{SERVER.parent}"},
    )
