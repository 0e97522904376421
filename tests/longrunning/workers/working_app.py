"""The work that the tests of workers follow: it notes what it does in one file.

`LRO_NOTES` names a folder. Work appends lines to `notes` in it, `NAME ATTEMPT PID WHAT`, and waits
for files in it, so that a test decides what happens when.
"""

import asyncio
import os
import time
from pathlib import Path

from google.protobuf import wrappers_pb2

from longrunning import (
    App,
    AsyncOperationContext,
    MemoryStore,
    Operations,
    OperationsError,
    SyncOperationContext,
)
from longrunning.engines.context import _OperationContext

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value

STEPS = 6

operations = Operations(MemoryStore(), sweep_seconds=0.05)


def folder() -> Path:
    return Path(os.environ["LRO_NOTES"])


def note(operation: _OperationContext, what: str) -> None:
    line = f"{operation.name} {operation.attempt} {os.getpid()} {what}\n"
    with (folder() / "notes").open("ab", buffering=0) as notes:
        notes.write(line.encode())  # one write: lines of many processes do not mix


async def until(file: str) -> None:
    while not (folder() / file).exists():
        await asyncio.sleep(0.01)


@operations.handler(name="count")
async def count(request: TEXT, operation: AsyncOperationContext) -> None:
    note(operation, "ran")


@operations.handler(
    name="steps",
    response=NUMBER,
    metadata=NUMBER,
    checkpoint=NUMBER,
    on_interruption="retry",
)
async def steps(request: TEXT, operation: AsyncOperationContext) -> NUMBER:
    """Takes steps, and stands still in the middle of its first attempt."""
    last = operation.last_checkpoint
    for step in range(last.value if isinstance(last, NUMBER) else 0, STEPS):
        note(operation, f"step {step}")
        await operation.checkpoint(NUMBER(value=step + 1))
        await operation.report(NUMBER(value=step + 1))
        if step == STEPS // 2 and operation.attempt == 1:
            note(operation, "stands still")
            await until("never")
    return NUMBER(value=operation.attempt)


@operations.handler(
    name="process steps",
    run="process",
    response=NUMBER,
    checkpoint=NUMBER,
    on_interruption="retry",
)
def process_steps(request: TEXT, operation: SyncOperationContext) -> NUMBER:
    """The same, in a process of the worker."""
    last = operation.last_checkpoint
    for step in range(last.value if isinstance(last, NUMBER) else 0, STEPS):
        note(operation, f"step {step}")
        operation.checkpoint(NUMBER(value=step + 1))
        if step == STEPS // 2 and operation.attempt == 1:
            note(operation, "stands still")
            time.sleep(3600)
    return NUMBER(value=operation.attempt)


@operations.handler(name="stubborn", metadata=NUMBER, response=NUMBER, on_interruption="retry")
async def stubborn(request: TEXT, operation: AsyncOperationContext) -> NUMBER:
    """Tries to report whatever it is told, if it is the first attempt."""
    note(operation, "began")
    while operation.attempt == 1:
        try:
            await asyncio.sleep(0.01)
            await operation.report(NUMBER(value=1))
        except asyncio.CancelledError:
            note(operation, "told to stop")
        except OperationsError as error:
            note(operation, f"refused {error.reason}")
            raise
    return NUMBER(value=operation.attempt)


@operations.handler(name="hold", metadata=NUMBER, response=NUMBER)
async def hold(request: TEXT, operation: AsyncOperationContext) -> NUMBER:
    """Reports until it is let go."""
    note(operation, "began")
    try:
        while not (folder() / "go").exists():
            await operation.report(NUMBER(value=1))
            await asyncio.sleep(0.02)
    except asyncio.CancelledError:
        note(operation, "cleaned up")
        raise
    note(operation, "ran")
    return NUMBER(value=operation.attempt)


@operations.handler(name="hold on", on_interruption="retry")
async def hold_on(request: TEXT, operation: AsyncOperationContext) -> None:
    """Waits until it is told to stop, in every attempt."""
    note(operation, f"began {operation.attempt}")
    try:
        await until("never")
    finally:
        note(operation, f"cleaned up {operation.attempt}")


@operations.handler(name="hold thread", run="thread", metadata=NUMBER)
def hold_thread(request: TEXT, operation: SyncOperationContext) -> None:
    note(operation, "began")
    try:
        while True:
            operation.report(NUMBER(value=1))
            time.sleep(0.02)
    finally:
        note(operation, "cleaned up")


@operations.handler(name="hold process", run="process")
def hold_process(request: TEXT, operation: SyncOperationContext) -> None:
    note(operation, "began")
    try:
        while True:
            time.sleep(3600)
    finally:
        note(operation, "cleaned up")


@operations.handler(name="deaf process", run="process", grace=0.3)
def deaf_process(request: TEXT, operation: SyncOperationContext) -> None:
    note(operation, "began")
    while True:
        try:
            time.sleep(3600)
        except BaseException:
            note(operation, "will not")


@operations.handler(name="labelled", labels=["gpu"])
async def labelled(request: TEXT, operation: AsyncOperationContext) -> None:
    note(operation, "ran")


@operations.handler(name="in turn", conflict=lambda request: request.value, on_conflict="queue")
async def in_turn(request: TEXT, operation: AsyncOperationContext) -> None:
    note(operation, f"in {request.value}")
    await asyncio.sleep(0.002)
    note(operation, f"out {request.value}")


app = App(operations)
