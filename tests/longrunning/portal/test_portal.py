"""Operations for threads: opening, calling, closing, and what is refused."""

import asyncio
import contextvars
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2

from longrunning import (
    Aborted,
    AsyncOperationContext,
    MemoryStore,
    OperationNotFound,
    Operations,
    SQLiteStore,
    Store,
    StoreError,
    SyncOperationContext,
)
from longrunning.lifecycle import Record

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value
PATIENCE = 20.0


def loops() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "longrunning portal"]


def test_work_is_started_and_waited_for(store: Store) -> None:
    operations = Operations(store)

    @operations.handler(response=TEXT, metadata=NUMBER)
    async def on_loop(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        await operation.report(NUMBER(value=50))
        return TEXT(value=request.value.upper())

    @operations.handler(response=TEXT, run="thread")
    def in_thread(request: TEXT, operation: SyncOperationContext) -> TEXT:
        return TEXT(value=request.value.upper())

    with operations.portal() as ops:
        for handler in (on_loop, in_thread):
            started = ops.start(handler, TEXT(value="a"), parent="projects/p")
            done = ops.wait(started.name, PATIENCE)
            result = TEXT()
            assert done.response.Unpack(result)
            assert result.value == "A"
        assert len(ops.list("projects/p").operations) == 2
    assert not loops()


def test_work_elsewhere_is_created_reported_and_ended() -> None:
    with Operations(MemoryStore()).portal() as ops:
        names = [ops.create(parent="projects/p").name for _ in range(3)]
        assert ops.report(names[0], NUMBER(value=1)) is False
        ops.cancel(names[0])
        assert ops.report(names[0], NUMBER(value=2)) is True
        assert ops.cancelled(names[0]).error.code == code_pb2.CANCELLED
        assert ops.succeed(names[1], TEXT(value="x")).HasField("response")
        failed = ops.fail(names[2], Aborted("No.", reason="NO"))
        assert (failed.error.code, failed.error.message) == (code_pb2.ABORTED, "No.")
        ops.delete(names[2])
        with pytest.raises(OperationNotFound):
            ops.get(names[2])


def test_a_view_of_one_service_blocks_as_well() -> None:
    with Operations(MemoryStore()).portal() as ops:
        view = ops.for_service("operations_v1")
        assert not view.list("projects/p").operations


def test_many_threads_share_it() -> None:
    with Operations(MemoryStore()).portal() as ops:
        name = ops.create().name
        answers: list[bool] = []
        waiting = [
            threading.Thread(target=lambda: answers.append(ops.wait(name, PATIENCE).done))
            for _ in range(20)
        ]
        for thread in waiting:
            thread.start()
        ops.succeed(name)
        for thread in waiting:
            thread.join(PATIENCE)
    assert answers == [True] * 20


def test_the_callers_context_goes_with_the_call() -> None:
    caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="nobody")
    seen: list[str] = []

    class Watched(MemoryStore):
        async def create(self, record: Record, request: bytes) -> Record:
            seen.append(caller.get())
            return await super().create(record, request)

    with Operations(Watched()).portal() as ops:
        caller.set("somebody")
        ops.create()
    assert seen == ["somebody"]


def test_it_can_be_opened_again_but_not_twice_at_once() -> None:
    operations = Operations(MemoryStore())
    portal = operations.portal()
    with portal as ops:
        name = ops.create().name
        with pytest.raises(RuntimeError, match="this portal is open already: open it once"):
            portal.__enter__()
        with pytest.raises(RuntimeError, match="this Operations is open already"):
            operations.portal().__enter__()
        assert ops.get(name).name == name
    with portal as ops:
        assert ops.get(name).name == name
    assert not loops()


def test_outside_of_with_it_says_how_to_open_it() -> None:
    ops = Operations(MemoryStore()).portal()
    said = r"this portal is not open: use `with operations\.portal\(\) as ops:`"
    with pytest.raises(RuntimeError, match=said):
        ops.get("operations/1")
    with ops:
        pass
    with pytest.raises(RuntimeError, match=said):
        ops.answer_waiters()


async def test_it_does_not_block_an_event_loop() -> None:
    operations = Operations(MemoryStore())
    with pytest.raises(RuntimeError) as refused:
        operations.portal().__enter__()
    assert str(refused.value) == (
        "opening a portal would block the event loop that runs in this thread: "
        "use `async with operations:`"
    )
    portal = operations.portal()
    ops = await asyncio.to_thread(portal.__enter__)
    with pytest.raises(RuntimeError) as refused:
        ops.get("operations/1")
    assert str(refused.value) == (
        "get of a portal would block the event loop that runs in this thread: "
        "await get of its Operations, or use asyncio.to_thread"
    )
    created = await asyncio.to_thread(ops.create)
    assert created.name
    await asyncio.to_thread(portal.__exit__, None, None, None)


def test_an_async_handler_is_told_not_to_block_its_own_loop() -> None:
    operations = Operations(MemoryStore())
    said: list[str] = []

    @operations.handler()
    async def work(request: TEXT, operation: AsyncOperationContext) -> None:
        try:
            ops.get(operation.name)
        except RuntimeError as error:
            said.append(str(error))

    with operations.portal() as ops:
        assert ops.wait(ops.start(work, TEXT()).name, PATIENCE).done
    assert "would block the event loop" in said[0]


def test_a_store_that_cannot_be_opened_leaves_nothing_behind(tmp_path: Path) -> None:
    operations = Operations(SQLiteStore(tmp_path / "missing" / "operations.db"))
    with pytest.raises(StoreError):
        operations.portal().__enter__()
    assert not loops()


OPENING = """
import asyncio, threading
from longrunning import MemoryStore, Operations

class Slow(MemoryStore):
    async def open(self):
        print("ready", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("given up", flush=True)

try:
    Operations(Slow()).portal().__enter__()
except KeyboardInterrupt:
    print(threading.active_count(), flush=True)
"""


def test_ctrl_c_ends_the_opening() -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OPENING], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == "given up\n1\n"


def test_running_work_finishes_when_it_is_closed() -> None:
    operations = Operations(MemoryStore(), drain=PATIENCE)
    began, go_on = threading.Event(), threading.Event()

    @operations.handler(run="thread")
    def work(request: TEXT, operation: SyncOperationContext) -> None:
        began.set()
        go_on.wait(PATIENCE)
        # What a handler's thread asks is still answered while the rest is waited for.
        seen.append(ops.get(operation.name).done)

    seen: list[bool] = []
    with operations.portal() as ops:
        name = ops.start(work, TEXT()).name
        began.wait(PATIENCE)
        threading.Timer(0.05, go_on.set).start()
    assert seen == [False]
    with operations.portal() as ops:
        assert ops.get(name).HasField("response")


def test_work_that_does_not_finish_is_interrupted() -> None:
    operations = Operations(MemoryStore(), drain=0.0)
    began, cleaned_up = threading.Event(), threading.Event()

    @operations.handler()
    async def work(request: TEXT, operation: AsyncOperationContext) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.set()

    with operations.portal() as ops:
        ops.start(work, TEXT())
        began.wait(PATIENCE)
    assert cleaned_up.is_set()
    assert not loops()


def test_a_wait_is_answered_when_it_is_closed() -> None:
    with Operations(MemoryStore()).portal() as ops:
        name = ops.create().name
        answers: list[bool] = []
        waiting = threading.Thread(target=lambda: answers.append(ops.wait(name, PATIENCE).done))
        waiting.start()
        while not ops._operations._open.waiters._waiting:
            time.sleep(0.001)
        ops.answer_waiters()
        waiting.join(PATIENCE)
        assert answers == [False]


def test_a_call_that_is_under_way_at_the_end_says_so() -> None:
    class Stuck(MemoryStore):
        async def get(self, name: str) -> None:
            asked.set()
            await asyncio.Event().wait()

    asked, said = threading.Event(), []

    def ask() -> None:
        try:
            ops.get("operations/1")
        except RuntimeError as error:
            said.append(str(error))

    with Operations(Stuck()).portal() as ops:
        asking = threading.Thread(target=ask)
        asking.start()
        asked.wait(PATIENCE)
    asking.join(PATIENCE)
    assert said == ["the portal was closed before this call was done"]


INTERRUPTED = """
import asyncio, threading
from google.protobuf.empty_pb2 import Empty
from longrunning import MemoryStore, Operations

operations = Operations(MemoryStore(), drain=0)

@operations.handler()
async def work(request, operation):
    try:
        began.set()
        await asyncio.Event().wait()
    finally:
        print("cleaned up", flush=True)

began = threading.Event()
try:
    with operations.portal() as ops:
        name = ops.start(work, Empty()).name
        began.wait()
        print("ready", flush=True)
        ops.wait(name, 60)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_call_and_closes_everything() -> None:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == "cleaned up\ninterrupted\n"


DRAINING = """
import threading, time
from google.protobuf.empty_pb2 import Empty
from longrunning import MemoryStore, Operations

operations = Operations(MemoryStore(), drain=60)

@operations.handler(run="thread")
def work(request, operation):
    running.set()
    while not operations._recovery._ended.is_set():
        time.sleep(0.001)
    print("draining", flush=True)
    time.sleep(60)

running = threading.Event()
with operations.portal() as ops:
    ops.start(work, Empty())
    running.wait()
"""


def test_ctrl_c_ends_the_wait_for_work_that_is_drained() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DRAINING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.stderr.read().endswith("KeyboardInterrupt\n")
