"""A service whose work is done in the cluster; its processes import it, and so do the tests.

Work tells a test where it is, and waits for it, by files in the folder that its request names.
"""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import ray
from google.protobuf import wrappers_pb2

from longrunning import (
    Aborted,
    AsyncOperationContext,
    MemoryStore,
    Operations,
    Resources,
    Store,
    SyncOperationContext,
)

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value


def node() -> str:
    """Returns the id of the node that this process is on."""
    return ray.get_runtime_context().get_node_id()


class Folder:
    """Where a test and the work that it started meet."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def tell(self, what: str, value: object = "") -> None:
        """Adds a line to a file, in one write."""
        with (self.path / what).open("a") as file:
            file.write(f"{value}\n")

    def told(self, what: str) -> list[str]:
        """Returns the lines of a file."""
        path = self.path / what
        return path.read_text().splitlines() if path.exists() else []

    async def wait(self, what: str, lines: int = 1, seconds: float = 30.0) -> list[str]:
        """Waits for a file with that many lines, and returns them."""
        async with asyncio.timeout(seconds):
            while len(self.told(what)) < lines:
                await asyncio.sleep(0.01)
        return self.told(what)


def steps(request: TEXT, operation: SyncOperationContext) -> None:
    """Reports, in a process, until it is told to stop."""
    folder = Folder(request.value)
    folder.tell("began")
    try:
        while True:
            operation.report(NUMBER(value=3))
    finally:
        folder.tell("cleaned up")


def build(store: Store, **options: Any) -> Operations:
    operations = Operations(store, drain=0.0, sweep_seconds=0.1, **options)
    handler = operations.handler

    @handler(name="shout", response=TEXT, metadata=NUMBER)
    async def shout(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        await operation.report(NUMBER(value=operation.attempt))
        return TEXT(value=f"{request.value.upper()} {os.getpid()}")

    @handler(name="fail", run="thread")
    def fail(request: TEXT, operation: SyncOperationContext) -> None:
        raise Aborted("The lock is held.", reason="LOCKED", metadata={"by": "me"})

    @handler(name="wait", response=TEXT, metadata=NUMBER)
    async def wait(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        folder = Folder(request.value)
        folder.tell("began", f"{operation.attempt} {node()}")
        try:
            await operation.report(NUMBER(value=1))
            await folder.wait("go on")
        finally:
            folder.tell("cleaned up")
        return TEXT(value="waited")

    @handler(name="thread", run="thread", metadata=NUMBER)
    def thread(request: TEXT, operation: SyncOperationContext) -> None:
        folder = Folder(request.value)
        folder.tell("began")
        try:
            while True:
                operation.report(NUMBER(value=2))
        finally:
            folder.tell("cleaned up")

    @handler(name="deaf", run="thread", grace=0.1)
    def deaf(request: TEXT, operation: SyncOperationContext) -> None:
        Folder(request.value).tell("began", os.getpid())
        while True:
            time.sleep(0.05)

    @handler(
        name="resume",
        response=TEXT,
        checkpoint=NUMBER,
        on_interruption="retry",
        resources=Resources(custom={"removable": 1}),
    )
    async def resume(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        folder = Folder(request.value)
        if operation.last_checkpoint is None:
            await operation.checkpoint(NUMBER(value=7))
            folder.tell("began", node())
            await folder.wait("never")
        folder.tell("began", node())
        assert isinstance(operation.last_checkpoint, NUMBER)
        return TEXT(value=f"{operation.attempt} from {operation.last_checkpoint.value}")

    @handler(name="gadget", response=TEXT, resources=Resources(custom={"gadget": 1}))
    async def gadget(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        return TEXT(value=node())

    @handler(name="absent", response=TEXT, resources=Resources(custom={"absent": 1}))
    async def absent(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        folder = Folder(request.value)
        folder.tell("began")
        await folder.wait("go on")
        return TEXT(value="found")

    @handler(name="once")
    async def once(request: TEXT, operation: AsyncOperationContext) -> None:
        Folder(request.value).tell("done", operation.name)

    @handler(name="turn", conflict=lambda request: "turn", on_conflict="queue", run="thread")
    def turn(request: TEXT, operation: SyncOperationContext) -> None:
        folder = Folder(request.value)
        folder.tell("turns", f"+{operation.name}")
        folder.tell("turns", f"-{operation.name}")

    handler(name="process", run="process", metadata=NUMBER)(steps)

    return operations


# What the cluster finds; its store is no shared one, so every test has to name its own.
operations = build(MemoryStore())
in_process = operations._handlers.get("process")  # a process finds it by its function
