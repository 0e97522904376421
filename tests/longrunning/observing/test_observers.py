"""What observers are told, and that nobody is told anything where nobody observes."""

import asyncio
import contextlib
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from google.protobuf import wrappers_pb2

from longrunning import AsyncOperationContext, MemoryStore, Observer, Operations, Store, observing
from longrunning.lifecycle import Record
from longrunning.observing import ObservedStore

TEXT = wrappers_pb2.StringValue


class Diary(Observer):
    """Writes down all that it is told."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, str]] = []
        self.attempts: list[str] = []
        self.failures: list[tuple[str, str]] = []
        self.waiters: list[int] = []
        self.stores: list[str] = []

    def changed(self, before: Record | None, after: Record) -> None:
        assert before is None or before.revision == after.revision - 1
        self.changes.append((str(before.state) if before else "", str(after.state)))

    @contextlib.contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        self.attempts.append(f"begin {record.attempt}")
        yield
        self.attempts.append(f"end {record.attempt}")

    def failed(self, record: Record, error: Exception) -> None:
        self.failures.append((record.handler, str(error)))

    def waiting(self, change: int) -> None:
        self.waiters.append(change)

    def stored(self, method: str, seconds: float) -> None:
        assert seconds > 0
        self.stores.append(method)


class Faulty(Observer):
    """Fails at everything."""

    def trace(self) -> str:
        raise OSError("trace")

    def changed(self, before: Record | None, after: Record) -> None:
        raise OSError("changed")

    @contextlib.contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        yield
        raise OSError("attempt")

    def failed(self, record: Record, error: Exception) -> None:
        raise OSError("failed")

    def waiting(self, change: int) -> None:
        raise OSError("waiting")

    def stored(self, method: str, seconds: float) -> None:
        raise OSError("stored")


class BadBegin(Observer):
    """Cannot enter an attempt."""

    def attempt(self, record: Record) -> Any:
        raise OSError("attempt")


@contextlib.asynccontextmanager
async def running(operations: Operations) -> AsyncIterator[Any]:
    @operations.handler(name="echo", response=TEXT, metadata=TEXT)
    async def echo(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        await operation.report(TEXT(value="halfway"))
        if request.value == "fail":
            raise ValueError("of course")
        return request

    async with operations:
        yield echo


async def run(operations: Operations, handler: Any, value: str = "done") -> Any:
    return await operations.wait((await operations.start(handler, TEXT(value=value))).name, 20)


async def test_an_observer_is_told_of_a_whole_life(
    new_operations: Callable[..., Operations],
) -> None:
    diary = Diary()
    operations = new_operations(observers=[diary])
    async with running(operations) as echo:
        assert (await run(operations, echo)).HasField("response")
        while len(diary.attempts) < 2:
            await asyncio.sleep(0.01)
    # In any order: others may take what is written before its writer hears that it is.
    assert sorted(diary.changes) == [
        ("", "pending"),
        ("pending", "running"),
        ("running", "running"),
        ("running", "succeeded"),
    ]
    assert diary.attempts == ["begin 1", "end 1"]
    assert diary.failures == []
    assert sum(diary.waiters) == 0
    assert diary.waiters[0] == 1
    assert {"create", "claim", "get", "replace", "beat", "retire"} <= set(diary.stores)


async def test_an_observer_is_told_what_a_handler_raised() -> None:
    diary = Diary()
    operations = Operations(MemoryStore(), observers=[diary])
    async with running(operations) as echo:
        assert (await run(operations, echo, "fail")).error.message == (
            "The operation failed for a reason inside the service."
        )
    assert diary.failures == [("echo", "of course")]
    assert diary.changes[-1] == ("running", "failed")


async def test_an_observer_that_fails_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    diary = Diary()
    operations = Operations(MemoryStore(), observers=[Faulty(), BadBegin(), diary])
    async with running(operations) as echo:
        assert (await run(operations, echo)).HasField("response")
        assert (await run(operations, echo, "fail")).HasField("error")
        listed = await operations.list()
    assert len(listed.operations) == 2
    assert diary.attempts == ["begin 1", "end 1"] * 2
    told = {record.message for record in caplog.records if record.exc_info}
    assert {"Faulty failed", "BadBegin failed"} <= told
    assert "Traceback" not in str(listed)


async def test_what_is_no_trace_starts_nothing_strange(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Observer):
        def __init__(self, trace: Any) -> None:
            self._trace = trace

        def trace(self) -> str:
            return self._trace  # type: ignore[no-any-return]

    observers = [Odd(""), Odd("half a surrogate: \ud800"), Odd(3)]
    async with Operations(MemoryStore(), observers=observers) as operations:
        name = (await operations.create()).name
        record = await operations.store.get(name)
    assert record is not None
    assert record.trace == ""
    assert "Odd failed" in caplog.text


async def test_the_first_observer_that_knows_a_trace_gives_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Knows(Observer):
        def trace(self) -> str:
            return "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    caplog.set_level(logging.INFO)
    operations = Operations(MemoryStore(), observers=[Observer(), Knows(), Faulty()])
    async with operations:
        name = (await operations.create()).name
    [line] = [each for each in caplog.records if getattr(each, "operation", "") == name]
    assert vars(line)["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert vars(line)["span_id"] == "b7ad6b7169203331"


async def test_an_observed_store_is_the_store(new_operations: Callable[..., Operations]) -> None:
    operations = new_operations(observers=[Observer()])
    async with operations:
        observed = operations._open.ledger.store
        assert isinstance(observed, ObservedStore)
        assert observed.url == operations.store.url
        made = await operations.create(parent="projects/p")
        assert (await operations.list("projects/p")).operations == [made]
        await operations.delete(made.name)
        assert await observed.purge(now=0, limit=1) == 0
        assert await observed.worklist.pending(["echo"], limit=1) == []


async def test_where_nobody_observes_nothing_is_in_between(store: Store) -> None:
    operations = Operations(store)
    async with operations:
        session = operations._open
        assert session.ledger.store is operations.store
        assert session.waiters._store is operations.store
        assert session.ledger.observer is None
        assert session.waiters._observer is None


@pytest.mark.parametrize(("observers", "called"), [((), False), ((Observer(),), True)])
async def test_where_nobody_observes_no_observer_is_called(
    observers: tuple[Observer, ...], called: bool
) -> None:
    operations = Operations(MemoryStore(), observers=observers)
    room = str(Path(observing.__file__).parent)
    entered = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(room):
            entered.add(frame.f_code.co_name)

    async with running(operations) as echo:
        sys.setprofile(note)
        try:
            done = await run(operations, echo)
            await operations.get(done.name)
            await operations.list()
            await operations.delete(done.name)
        finally:
            sys.setprofile(None)
    assert bool(entered) is called, entered


def test_where_nobody_observes_no_telemetry_is_imported() -> None:
    code = """
import asyncio, sys
from google.protobuf import wrappers_pb2
from longrunning import App, MemoryStore, Operations, serving

async def main():
    operations = Operations(MemoryStore())
    @operations.handler()
    async def work(request, operation): pass
    App(operations).transcoder()
    async with operations:
        name = (await operations.start(work, wrappers_pb2.StringValue())).name
        assert (await operations.wait(name, 20)).done

asyncio.run(main())
found = {name.partition(".")[0] for name in sys.modules} & {"opentelemetry", "prometheus_client"}
sys.exit(f"imported: {found}" if found or "longrunning.telemetry" in sys.modules else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
