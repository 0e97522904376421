"""How much runs at once, for how long, and what excludes what."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, error_details_pb2

from longrunning import (
    AsyncOperationContext,
    InProcessEngine,
    OperationConflict,
    Operations,
    Store,
    SyncOperationContext,
)
from longrunning.clock import system_clock
from tests.longrunning.conftest import Clock

TEXT = wrappers_pb2.StringValue
WAIT = 20.0


def make(store: Store, clock: Callable[[], int] = system_clock, **engine: Any) -> Operations:
    options = {"sweep_seconds": 0.02} | engine
    return Operations(
        store, engine=InProcessEngine(**options), drain=0.0, sweep_seconds=0.02, clock=clock
    )


def reason_of(operation: Any) -> str:
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    return info.reason


class Crowd:
    """Counts how many are in at once, and lets them go when told."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.order: list[str] = []
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()

    async def enter(self, value: str) -> None:
        self.order.append(value)
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.came.set()
        await self.go_on.wait()
        self.inside -= 1


async def test_of_a_handler_no_more_run_at_once_than_it_says(store: Store) -> None:
    operations = make(store)
    narrow, wide = Crowd(), Crowd()

    @operations.handler(name="narrow", max_running=2)
    async def few(request: TEXT, operation: AsyncOperationContext) -> None:
        await narrow.enter(request.value)

    @operations.handler(name="wide")
    async def many(request: TEXT, operation: AsyncOperationContext) -> None:
        await wide.enter(request.value)

    async with operations:
        names = [(await operations.start(few, TEXT(value=str(n)))).name for n in range(6)]
        # The others wait for nobody: there is room for them.
        names.append((await operations.start(many, TEXT(value="w"))).name)
        await wide.came.wait()
        wide.go_on.set()
        assert (await operations.wait(names[-1], WAIT)).done
        assert narrow.most == 2
        narrow.go_on.set()
        for name in names:
            assert (await operations.wait(name, WAIT)).done
    assert narrow.most == 2
    assert narrow.order == ["0", "1", "2", "3", "4", "5"]


async def test_labels_say_what_runs_where(store: Store) -> None:
    operations = make(store)
    ran: list[str] = []

    @operations.handler(name="plain")
    async def plain(request: TEXT, operation: AsyncOperationContext) -> None:
        ran.append("plain")

    @operations.handler(name="gpu", labels=["gpu"])
    async def gpu(request: TEXT, operation: AsyncOperationContext) -> None:
        ran.append("gpu")

    async with operations:
        waiting = (await operations.start(gpu, TEXT())).name
        done = (await operations.start(plain, TEXT())).name
        assert (await operations.wait(done, WAIT)).done
        assert not (await operations.get(waiting)).done
    operations.engine = InProcessEngine(labels=["gpu", "large"], sweep_seconds=0.02)
    async with operations:
        assert (await operations.wait(waiting, WAIT)).done
    assert ran == ["plain", "gpu"]


async def test_work_that_is_out_of_time_is_stopped(store: Store, clock: Clock) -> None:
    # By a clock that stands, no time passes between the claim and the beginning of the work, which
    # would not begin otherwise where a commit takes long.
    operations = make(store, clock)
    cleaned_up = asyncio.Event()
    seen: list[Any] = []

    @operations.handler(name="slow", timeout=0.05)
    async def slow(request: TEXT, operation: AsyncOperationContext) -> None:
        seen.append(operation.deadline)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned_up.set()

    async with operations:
        done = await operations.wait((await operations.start(slow, TEXT())).name, WAIT)
    assert (done.error.code, reason_of(done)) == (code_pb2.DEADLINE_EXCEEDED, "OPERATION_TIMEOUT")
    assert cleaned_up.is_set()
    assert seen[0].tzinfo is not None


async def test_work_in_time_does_not_notice_its_timeout(store: Store) -> None:
    operations = make(store)

    @operations.handler(name="quick", timeout=30.0)
    async def quick(request: TEXT, operation: AsyncOperationContext) -> None:
        assert not operation.cancelled

    async with operations:
        done = await operations.wait((await operations.start(quick, TEXT())).name, WAIT)
    assert done.HasField("response")


async def test_a_thread_that_does_not_heed_its_timeout_is_given_up(
    store: Store, clock: Clock
) -> None:
    operations = make(store, clock, max_running=1)
    release = threading.Event()

    @operations.handler(name="deaf", run="thread", timeout=0.05, grace=0.02)
    def deaf(request: TEXT, operation: SyncOperationContext) -> None:
        release.wait(WAIT)

    async with operations:
        done = await operations.wait((await operations.start(deaf, TEXT())).name, WAIT)
        assert done.error.code == code_pb2.DEADLINE_EXCEEDED
        # Its thread still runs, so there is no room for another one.
        second = (await operations.start(deaf, TEXT())).name
        assert not (await operations.wait(second, 0.1)).done
        assert len(operations.engine._worker) == 1  # type: ignore[attr-defined]
        release.set()
        assert (await operations.wait(second, WAIT)).done


async def test_an_operation_in_the_way_refuses_the_next_one(store: Store) -> None:
    operations = make(store)
    crowd = Crowd()

    @operations.handler(name="backup", conflict=lambda request: request.value)
    async def backup(request: TEXT, operation: AsyncOperationContext) -> None:
        await crowd.enter(request.value)

    async with operations:
        first = (await operations.start(backup, TEXT(value="databases/d"))).name
        with pytest.raises(OperationConflict) as refused:
            await operations.start(backup, TEXT(value="databases/d"))
        assert refused.value.code == code_pb2.ABORTED
        assert refused.value.metadata == {"conflict_key": "databases/d", "name": first}
        other = (await operations.start(backup, TEXT(value="databases/e"))).name
        free = [(await operations.start(backup, TEXT())).name for _ in range(2)]
        crowd.go_on.set()
        for name in (first, other, *free):
            assert (await operations.wait(name, WAIT)).done
        again = (await operations.start(backup, TEXT(value="databases/d"))).name
        assert (await operations.wait(again, WAIT)).done


@pytest.mark.parametrize("key", [None, 7, b"databases/d"], ids=["None", "int", "bytes"])
async def test_a_conflict_key_is_text(store: Store, key: Any) -> None:
    operations = make(store)

    @operations.handler(name="backup", conflict=lambda request: key)
    async def backup(request: TEXT, operation: AsyncOperationContext) -> None:
        """Does nothing."""

    async with operations:
        with pytest.raises(
            TypeError,
            match=f"^conflict of backup returned a {type(key).__name__}: expected str$",
        ):
            await operations.start(backup, TEXT())


LONGEST = "expected from 0 to 31557600000, a thousand years"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("max_running", 0, "max_running is 0: expected 1 or more"),
        ("labels", "gpu", "labels is 'gpu': expected a collection, such as ['gpu']"),
        ("processes", -1, "processes is -1: expected 0 or more"),
        ("lease_seconds", 0, "lease_seconds is 0: expected more than that"),
        ("lease_seconds", float("nan"), f"the lease is nan seconds: {LONGEST}"),
        ("sweep_seconds", -1.0, f"the sweep is -1 seconds: {LONGEST}"),
    ],
)
def test_an_engine_that_could_not_work_is_refused(option: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        InProcessEngine(**{option: value})


async def test_queued_conflicts_follow_one_after_the_other(store: Store) -> None:
    operations = make(store, sweep_seconds=30.0)
    running = most = 0
    order: list[str] = []

    @operations.handler(name="write", conflict=lambda request: "key", on_conflict="queue")
    async def write(request: TEXT, operation: AsyncOperationContext) -> None:
        nonlocal running, most
        order.append(request.value)
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    async with operations:
        names = [(await operations.start(write, TEXT(value=str(n)))).name for n in range(8)]
        for name in names:
            assert (await operations.wait(name, WAIT)).done
    assert most == 1
    assert order == [str(n) for n in range(8)]
