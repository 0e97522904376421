"""Handlers of each colour that count to a number, and can be told to misbehave."""

import asyncio
import os
from pathlib import Path

from google.protobuf import wrappers_pb2

from longrunning import (
    Aborted,
    AsyncOperationContext,
    Handler,
    MemoryStore,
    OperationCancelled,
    Operations,
    SyncOperationContext,
)

NUMBER = wrappers_pb2.Int32Value
TEXT = wrappers_pb2.StringValue

operations = Operations(MemoryStore())

TYPES = {"response": TEXT, "metadata": NUMBER, "checkpoint": NUMBER}


@operations.handler(name="loop", on_interruption="retry", max_attempts=3, **TYPES)
async def on_loop(request: NUMBER, operation: AsyncOperationContext) -> TEXT:
    begun_at = operation.last_checkpoint.value if operation.last_checkpoint else 0
    try:
        for number in range(begun_at + 1, request.value + 1):
            await operation.report(NUMBER(value=number))
            await operation.checkpoint(NUMBER(value=number))
    except asyncio.CancelledError:
        cleaned_up.append("loop")
        raise
    return TEXT(value=f"from {begun_at} in attempt {operation.attempt}")


def count(request: NUMBER, operation: SyncOperationContext) -> TEXT:
    begun_at = operation.last_checkpoint.value if operation.last_checkpoint else 0
    try:
        for number in range(begun_at + 1, request.value + 1):
            operation.report(NUMBER(value=number))
            operation.checkpoint(NUMBER(value=number))
    except OperationCancelled:
        cleaned_up.append("thread")
        raise
    return TEXT(value=f"from {begun_at} in attempt {operation.attempt}")


@operations.handler(name="thread", run="thread", on_interruption="retry", max_attempts=3, **TYPES)
def in_thread(request: NUMBER, operation: SyncOperationContext) -> TEXT:
    return count(request, operation)


@operations.handler(name="process", run="process", on_interruption="retry", max_attempts=3, **TYPES)
def in_process(request: NUMBER, operation: SyncOperationContext) -> TEXT:
    return count(request, operation)


@operations.handler(name="fragile", metadata=NUMBER)
async def fragile(request: NUMBER, operation: AsyncOperationContext) -> None:
    try:
        await operation.report(NUMBER(value=1))
        await operation.report(NUMBER(value=2))
    finally:
        cleaned_up.append("fragile")


@operations.handler(name="stubborn", response=TEXT, metadata=NUMBER)
async def stubborn(request: NUMBER, operation: AsyncOperationContext) -> TEXT:
    try:
        await operation.report(NUMBER(value=1))
    except asyncio.CancelledError:
        assert operation.cancelled
    return TEXT(value="done anyway")


@operations.handler(name="failing", errors={KeyError: lambda error: Aborted("No.", reason="NO")})
async def failing(request: TEXT, operation: AsyncOperationContext) -> None:
    match request.value:
        case "mapped":
            raise KeyError("a")
        case "foreign":
            raise ValueError("secret")


@operations.handler(name="timed", timeout=60.0, response=TEXT)
async def timed(request: TEXT, operation: AsyncOperationContext) -> TEXT:
    if request.value == "slow":
        await asyncio.Event().wait()
    return TEXT(value=str(operation.deadline))


@operations.handler(name="large", response=TEXT)
async def large(request: TEXT, operation: AsyncOperationContext) -> TEXT:
    return TEXT(value="x" * 1000)


@operations.handler(name="dying", run="process", on_interruption="retry", response=NUMBER)
def dying(request: TEXT, operation: SyncOperationContext) -> NUMBER:
    """Kills its process in the first attempt, and says which one it is in the next."""
    Path(request.value).touch()
    if operation.attempt == 1:
        os._exit(1)
    return NUMBER(value=operation.attempt)


HANDLERS: dict[str, Handler[..., object]] = {
    handler.name: handler for handler in (on_loop, in_thread, in_process)
}

cleaned_up: list[str] = []
