"""Work in this process: outcomes, cancellation, interruption, recovery and limits."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, wrappers_pb2
from google.rpc import code_pb2, error_details_pb2

from longrunning import (
    Aborted,
    AsyncOperationContext,
    InProcessEngine,
    MemoryStore,
    OperationCancelled,
    OperationNotFound,
    Operations,
    Store,
    SyncOperationContext,
    Unavailable,
    lifecycle,
    recovery,
)
from longrunning.clock import DAY, system_clock
from longrunning.engines import heartbeat, progress, worker
from longrunning.lifecycle import Record, State
from longrunning.stores.contract import Heart, Work
from tests.longrunning.conftest import Clock
from tests.longrunning.stores.records import claimed, new_record
from tests.longrunning.stores.storages import Storage

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value
WAIT = 20.0

# Two processes need a place that both can reach.
SHARED = pytest.mark.parametrize("storage", ["sqlite", "postgres"], indirect=True)


def info_of(operation: operations_pb2.Operation) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    return info


class Service:
    """Handlers of every kind, and the events that a test leads them by."""

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cleaned_up = threading.Event()
        self.attempts: list[int] = []
        handler = operations.handler

        @handler(name="wait", response=TEXT, metadata=NUMBER)
        async def wait(request: TEXT, operation: AsyncOperationContext) -> TEXT:
            self.attempts.append(operation.attempt)
            self.began.set()
            try:
                await self.go_on.wait()
            finally:
                self.cleaned_up.set()
            return TEXT(value=f"{request.value} by {operation.name}")

        @handler(name="retry", response=TEXT, on_interruption="retry", max_attempts=2)
        async def retry(request: TEXT, operation: AsyncOperationContext) -> TEXT:
            return await wait(request, operation)

        @handler(name="stubborn", response=TEXT)
        async def stubborn(request: TEXT, operation: AsyncOperationContext) -> TEXT:
            self.began.set()
            try:
                await self.go_on.wait()
            except asyncio.CancelledError:
                return TEXT(value="won")
            return TEXT(value="undisturbed")

        @handler(name="thread", run="thread", metadata=NUMBER)
        def thread(request: TEXT, operation: SyncOperationContext) -> None:
            operation.report(NUMBER(value=1))
            loop.call_soon_threadsafe(self.began.set)
            try:
                while True:
                    operation.report(NUMBER(value=2))
            except OperationCancelled:
                self.cleaned_up.set()
                raise

        @handler(name="fail", run="thread")
        def fail(request: TEXT, operation: SyncOperationContext) -> None:
            raise {
                "chosen": Aborted("The lock is held.", reason="LOCKED", metadata={"by": "me"}),
                "foreign": ValueError("secret password"),
            }[request.value]

        @handler(name="wrong response", response=TEXT)
        async def wrong_response(request: TEXT, operation: AsyncOperationContext) -> Any:
            return NUMBER(value=1)

        @handler(name="wrong metadata", metadata=NUMBER)
        async def wrong_metadata(request: TEXT, operation: AsyncOperationContext) -> None:
            await operation.report(TEXT(value="no number"))

        @handler(name="too large", response=wrappers_pb2.BytesValue)
        async def too_large(request: TEXT, operation: Any) -> wrappers_pb2.BytesValue:
            return wrappers_pb2.BytesValue(value=b"x" * 2**20)

        loop = asyncio.get_running_loop()
        self.handlers = {each.name: each for each in operations._handlers}

    async def start(self, handler: str, value: str = "done") -> str:
        return (await self.operations.start(self.handlers[handler], TEXT(value=value))).name


def make(store: Store, **engine: Any) -> Operations:
    options = {"sweep_seconds": 0.02} | engine
    return Operations(store, engine=InProcessEngine(**options), drain=0.0, sweep_seconds=0.02)


@pytest.fixture
async def service(store: Store) -> AsyncIterator[Service]:
    operations = make(store)
    made = Service(operations)
    async with operations:
        yield made


async def test_a_result_ends_the_operation(service: Service) -> None:
    name = await service.start("wait")
    service.go_on.set()
    done = await service.operations.wait(name, WAIT)
    result = TEXT()
    assert done.response.Unpack(result)
    assert result.value == f"done by {name}"


async def test_cancelling_reaches_async_work_and_its_clean_up_runs(service: Service) -> None:
    name = await service.start("wait")
    await service.began.wait()
    await service.operations.cancel(name)
    done = await service.operations.wait(name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    assert service.cleaned_up.is_set()


async def test_cancelling_reaches_a_thread_at_its_next_report(service: Service) -> None:
    name = await service.start("thread")
    await service.began.wait()
    await service.operations.cancel(name)
    done = await service.operations.wait(name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    assert service.cleaned_up.is_set()


async def test_work_that_finishes_anyway_wins_over_its_cancellation(service: Service) -> None:
    name = await service.start("stubborn")
    await service.began.wait()
    await service.operations.cancel(name)
    assert (await service.operations.wait(name, WAIT)).HasField("response")


async def test_an_error_that_the_handler_chose_is_shown(service: Service) -> None:
    done = await service.operations.wait(await service.start("fail", "chosen"), WAIT)
    assert (done.error.code, done.error.message) == (code_pb2.ABORTED, "The lock is held.")
    assert info_of(done).metadata == {"by": "me"}


async def test_any_other_exception_is_hidden_and_logged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    done = await service.operations.wait(await service.start("fail", "foreign"), WAIT)
    assert done.error.code == code_pb2.INTERNAL
    assert done.error.message == "The operation failed for a reason inside the service."
    assert b"secret" not in done.SerializeToString()
    correlation = info_of(done).metadata["correlation_id"]
    assert f"[{correlation}]" in caplog.text
    assert "ValueError: secret password" in caplog.text


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (
            "wrong response",
            "wrong response returned a Int32Value: "
            "it was declared with google.protobuf.StringValue",
        ),
        (
            "wrong metadata",
            "wrong metadata reported a StringValue: "
            "it was declared with google.protobuf.Int32Value",
        ),
    ],
)
async def test_a_message_of_the_wrong_type_fails_the_operation_at_once(
    service: Service, handler: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = await service.operations.wait(await service.start(handler), WAIT)
    assert done.error.code == code_pb2.INTERNAL
    assert message in caplog.text


async def test_a_response_that_is_too_large_fails_the_operation(service: Service) -> None:
    done = await service.operations.wait(await service.start("too large"), WAIT)
    assert done.error.code == code_pb2.RESOURCE_EXHAUSTED
    assert info_of(done).reason == "OPERATION_TOO_LARGE"


class Success(Aborted):
    """An error that says that it is none."""

    code = code_pb2.OK


RAISED: dict[str, BaseException] = {
    "exit": SystemExit(3),
    "stop": StopIteration(),
    "no exception": BaseException(),
    "generator": GeneratorExit(),
    "group": BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError()]),
    "no error": Success("All is well.", reason="R"),
    "cancelled": asyncio.CancelledError(),
    "unwritable": Aborted("half a surrogate: \ud800", reason="R"),
}


@pytest.mark.parametrize("run", ["loop", "thread"])
@pytest.mark.parametrize("raised", RAISED)
async def test_whatever_a_handler_raises_ends_its_operation_and_nothing_else(
    store: Store, run: str, raised: str
) -> None:
    operations = make(store)

    def fail() -> None:
        raise RAISED[raised]

    if run == "loop":

        @operations.handler(name="disobedient")
        async def handler(request: TEXT, operation: AsyncOperationContext) -> None:
            fail()

    else:

        @operations.handler(name="disobedient", run="thread")
        def handler(request: TEXT, operation: SyncOperationContext) -> None:
            fail()

    async with operations:
        started = await operations.start(handler, TEXT())
        done = await operations.wait(started.name, WAIT)
    if raised == "cancelled":
        assert done.error.code == code_pb2.CANCELLED
    else:
        assert info_of(done).reason == "HANDLER_FAILED"


async def test_work_that_reports_all_the_time_is_cancelled_from_elsewhere(
    storage: Storage,
) -> None:
    worker, other = make(storage.store()), make(storage.store())
    if worker.store is other.store:
        other = worker

    @worker.handler(name="busy", metadata=NUMBER)
    async def busy(request: TEXT, operation: AsyncOperationContext) -> None:
        while True:
            await operation.report(NUMBER(value=1))

    async with contextlib.AsyncExitStack() as processes:
        await processes.enter_async_context(worker)
        if other is not worker:
            await processes.enter_async_context(other)
        names = [(await worker.start(busy, TEXT())).name for _ in range(5)]
        for name in names:
            await other.cancel(name)
        for name in names:
            assert (await other.wait(name, WAIT)).error.code == code_pb2.CANCELLED


async def test_a_cancellation_between_claim_and_begin_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    operations = make(store)
    service = Service(operations)
    claimed, go_on = asyncio.Event(), asyncio.Event()
    claim = store.worklist.claim

    async def slow_claim(*arguments: Any, **options: Any) -> Sequence[Work]:
        if works := await claim(*arguments, **options):
            claimed.set()
            await go_on.wait()
        return works

    monkeypatch.setattr(store.worklist, "claim", slow_claim)
    async with operations:
        name = await service.start("wait")
        await claimed.wait()
        await operations.cancel(name)
        go_on.set()
        assert (await operations.wait(name, WAIT)).error.code == code_pb2.CANCELLED


async def test_a_report_waits_for_a_store_that_is_away_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    operations = make(store)
    monkeypatch.setattr(progress, "_RETRY_SECONDS", 0.0)
    away = 3
    replace = store.replace

    async def flaky(record: Record, checkpoint: bytes | None = None) -> bool:
        nonlocal away
        if record.state is State.RUNNING and record.message().HasField("metadata") and away:
            away -= 1
            raise Unavailable("Away.", reason="STORE_UNAVAILABLE")
        return await replace(record, checkpoint)

    monkeypatch.setattr(store, "replace", flaky)

    @operations.handler(name="report", metadata=NUMBER)
    async def report(request: TEXT, operation: AsyncOperationContext) -> None:
        await operation.report(NUMBER(value=1))

    async with operations:
        done = await operations.wait((await operations.start(report, TEXT())).name, WAIT)
    assert done.HasField("response")
    assert away == 0


@pytest.mark.parametrize(
    "request_",
    [
        any_pb2.Any(type_url="t/no.Such"),
        any_pb2.Any(type_url="t/google.protobuf.StringValue", value=b"\xff"),
    ],
)
async def test_a_request_that_this_process_cannot_read_fails_the_operation(
    service: Service, request_: any_pb2.Any
) -> None:
    started = await service.operations.start(service.handlers["wait"], request_)
    done = await service.operations.wait(started.name, WAIT)
    assert info_of(done).reason == "REQUEST_UNREADABLE"


async def test_reports_of_a_deleted_operation_are_dropped(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    name = await service.start("wait")
    await service.began.wait()
    await service.operations.delete(name)
    service.go_on.set()
    await service.operations.engine._worker._settle(WAIT)  # type: ignore[attr-defined]
    with pytest.raises(OperationNotFound):
        await service.operations.get(name)
    assert f"dropped the outcome of {name}" in caplog.text


async def test_what_is_cancelled_before_it_begins_never_runs(store: Store) -> None:
    operations = make(store, max_running=1)
    service = Service(operations)
    async with operations:
        await service.start("wait")
        await service.began.wait()
        waiting = await service.start("wait")
        await operations.cancel(waiting)
        assert (await operations.get(waiting)).error.code == code_pb2.CANCELLED
        service.go_on.set()
    assert service.attempts == [1]


async def test_no_more_run_at_once_than_may_and_the_rest_follow_in_order(store: Store) -> None:
    operations = make(store, max_running=2)
    service = Service(operations)
    order: list[str] = []
    running = most = 0
    two = asyncio.Event()

    @operations.handler(name="count")
    async def count(request: TEXT, operation: AsyncOperationContext) -> None:
        nonlocal running, most
        order.append(request.value)
        running += 1
        most = max(most, running)
        if running == 2:
            two.set()
        await two.wait()
        running -= 1

    service.handlers["count"] = count
    async with operations:
        names = [await service.start("count", str(number)) for number in range(12)]
        for name in names:
            assert (await operations.wait(name, WAIT)).done
    assert most == 2
    # The two that may run begin in order, and may overtake each other by that one place.
    assert all(abs(int(began) - place) < 2 for place, began in enumerate(order))


@pytest.mark.parametrize(
    ("handler", "reason"), [("wait", "WORKER_LOST"), ("retry", None)], ids=["fail", "retry"]
)
async def test_stopping_interrupts_what_is_left(
    store: Store, handler: str, reason: str | None
) -> None:
    operations = make(store)
    service = Service(operations)
    async with operations:
        name = await service.start(handler)
        await service.began.wait()
    assert service.cleaned_up.is_set()
    service.go_on.set()
    async with operations:
        done = await operations.wait(name, WAIT)
    if reason:
        assert (done.error.code, info_of(done).reason) == (code_pb2.ABORTED, reason)
        assert service.attempts == [1]
    else:
        assert done.HasField("response")
        assert service.attempts == [1, 2]


async def test_stopping_lets_work_finish_that_needs_little_time(store: Store) -> None:
    operations = make(store)
    operations.drain_seconds = WAIT
    service = Service(operations)
    async with operations:
        name = await service.start("wait")
        await service.began.wait()
        asyncio.get_running_loop().call_later(0.05, service.go_on.set)
    async with operations:
        assert (await operations.get(name)).HasField("response")


async def test_what_does_not_heed_its_interruption_leaves_no_task_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_STOPPING_SECONDS", 0.0)
    monkeypatch.setattr(worker, "_KILLING_SECONDS", 0.0)
    operations = make(store)
    began, go_on = threading.Event(), threading.Event()

    @operations.handler(name="deaf", run="thread")
    def deaf(request: TEXT, operation: SyncOperationContext) -> None:
        began.set()
        go_on.wait()

    async with operations:
        await operations.start(deaf, TEXT())
        await asyncio.to_thread(began.wait)
    left = {str(task.get_coro()) for task in asyncio.all_tasks()}
    go_on.set()
    assert not [coroutine for coroutine in left if "Event.wait" in coroutine]


async def die(operations: Operations) -> None:
    """Leaves an engine as a SIGKILL would: nothing is written, no sign of life follows."""
    engine: Any = operations.engine
    engine._ended = True
    engine._wake.set()
    worker = engine._worker
    worker._heartbeat._ended.set()
    for task in worker._tasks:
        task.cancel()
    for attempts in worker._attempts.values():
        for attempt in attempts:
            attempt._work.cancel()
    await asyncio.gather(engine._claiming, *worker._tasks, return_exceptions=True)


@SHARED
@pytest.mark.parametrize("handler", ["wait", "retry"])
async def test_the_work_of_a_dead_process_is_taken_over_after_its_lease(
    storage: Storage, handler: str
) -> None:
    dead, alive = make(storage.store(), lease_seconds=0.2), make(storage.store())
    lost, found = Service(dead), Service(alive)
    found.go_on.set()
    async with contextlib.AsyncExitStack() as processes:
        await processes.enter_async_context(dead)
        # A heart that beats late must not cost it its work while it lives.
        await dead._recovery.stop()
        name = await lost.start(handler)
        await lost.began.wait()
        await die(dead)
        # Not before: one that is there from the start could have taken the work itself.
        await processes.enter_async_context(alive)
        done = await alive.wait(name, WAIT)
        if handler == "retry":
            assert (found.attempts, done.HasField("response")) == ([2], True)
        else:
            assert (found.attempts, info_of(done).reason) == ([], "WORKER_LOST")


@SHARED
async def test_work_is_given_up_after_its_last_attempt(storage: Storage) -> None:
    for attempt in (1, 2):
        operations = make(storage.store(), lease_seconds=0.05)
        service = Service(operations)
        async with operations:
            if attempt == 1:
                await operations._recovery.stop()  # a late heart must not cost it its first attempt
                name = await service.start("retry")
            await service.began.wait()
            await die(operations)
    operations = make(storage.store())
    service = Service(operations)
    async with operations:
        done = await operations.wait(name, WAIT)
    assert service.attempts == []
    assert info_of(done).metadata == {"attempt": "2"}


@SHARED
async def test_lost_work_that_nobody_here_knows_is_not_in_the_way_of_other_lost_work(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_AT_ONCE", 1)
    dead, alive = make(storage.store(), lease_seconds=0.2), make(storage.store())
    lost, found = Service(dead), Service(alive)
    found.go_on.set()

    @dead.handler(name="gone", on_interruption="retry")
    async def gone(request: TEXT, operation: AsyncOperationContext) -> None:
        await asyncio.Event().wait()

    async with contextlib.AsyncExitStack() as processes:
        await processes.enter_async_context(dead)
        await dead._recovery.stop()
        first = (await dead.start(gone, TEXT())).name
        name = await lost.start("retry")
        await lost.began.wait()
        await die(dead)
        await processes.enter_async_context(alive)
        assert (await alive.wait(name, WAIT)).HasField("response")
        assert not (await alive.get(first)).done


@SHARED
async def test_a_cancellation_crosses_processes(storage: Storage) -> None:
    worker, other = make(storage.store()), make(storage.store())
    service = Service(worker)
    async with worker, other:
        name = await service.start("wait")  # the other has no handler, and leaves it alone
        await service.began.wait()
        await other.cancel(name)
        assert (await other.wait(name, WAIT)).error.code == code_pb2.CANCELLED


async def test_work_of_a_handler_that_is_not_here_stays_queued_for_one_that_has_it(
    store: Store,
) -> None:
    knows = make(store, max_running=1)
    service = Service(knows)
    async with knows:
        await service.start("wait")
        await service.began.wait()
        queued = await service.start("retry")
    ignorant = make(store)
    swept = asyncio.Event()

    @ignorant.handler(name="something else")
    async def other(request: TEXT, operation: AsyncOperationContext) -> None:
        swept.set()

    async with ignorant:
        await ignorant.start(other, TEXT())
        await swept.wait()
        assert not (await ignorant.get(queued)).done
    service.go_on.set()
    async with knows:
        assert (await knows.wait(queued, WAIT)).HasField("response")


@SHARED
async def test_an_attempt_that_lost_its_work_cannot_write(storage: Storage) -> None:
    slow, fast = make(storage.store(), lease_seconds=0.05), make(storage.store())
    late, service = Service(slow), Service(fast)
    service.go_on.set()
    async with contextlib.AsyncExitStack() as processes:
        await processes.enter_async_context(slow)
        name = await late.start("retry", "by the first")
        await late.began.wait()
        await processes.enter_async_context(fast)
        # The first worker stands still: its lease is not renewed, yet it does not know it.
        slow.engine._worker._heartbeat._ended.set()  # type: ignore[attr-defined]
        done = await fast.wait(name, WAIT)
        late.go_on.set()
        await slow.engine._worker._settle(WAIT)  # type: ignore[attr-defined]
        assert await fast.get(name) == done


async def test_a_worker_that_takes_its_own_work_again_ends_the_old_attempt_and_keeps_the_new_one(
    store: Store,
) -> None:
    operations = make(store)
    told: list[int] = []
    began = [asyncio.Event() for _ in range(3)]
    ended = asyncio.Event()

    @operations.handler(name="slow", on_interruption="retry")
    async def slow(request: TEXT, operation: AsyncOperationContext) -> None:
        began[operation.attempt].set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            told.append(operation.attempt)
            if operation.attempt == 1:
                await asyncio.wait_for(began[2].wait(), WAIT)
                ended.set()
            raise

    async with operations:
        name = (await operations.start(slow, TEXT())).name
        await asyncio.wait_for(began[1].wait(), WAIT)
        # As if it had stood still past its lease, and another process had seen to its work.
        await operations._open.ledger.advance(
            name, lambda record, now: lifecycle.release(record, now=now), attempt=1
        )
        await asyncio.wait_for(began[2].wait(), WAIT)
        await asyncio.wait_for(ended.wait(), WAIT)
        await operations.cancel(name)
        done = await operations.wait(name, WAIT)
        assert done.error.code == code_pb2.CANCELLED
    assert told == [1, 2]


async def test_a_worker_that_stood_still_says_that_it_lives_before_it_takes_work(
    clock: Clock,
) -> None:
    store = MemoryStore()
    operations = Operations(
        store, engine=InProcessEngine(), drain=0.0, sweep_seconds=WAIT, clock=clock
    )
    service = Service(operations)
    async with operations:
        clock.advance(3600)  # much faster than the heart, which sleeps for real
        name = await service.start("wait")
        await service.began.wait()
        assert await store.worklist.orphans(["wait"], now=clock(), limit=1) == []
        service.go_on.set()
        assert (await operations.wait(name, WAIT)).HasField("response")


async def test_a_heart_outlives_what_it_cannot_explain(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    beats = threading.Semaphore(0)

    def hiccup() -> int:
        if threading.current_thread().name == "longrunning heart":
            beats.release()
            raise ValueError("no time")
        return system_clock()

    engine = InProcessEngine(lease_seconds=0.1)
    async with Operations(store, engine=engine, clock=hiccup):
        for _ in range(3):
            assert await asyncio.to_thread(beats.acquire, timeout=WAIT)
    assert "a sign of life could not be given" in caplog.text


async def test_a_beat_that_hangs_does_not_hold_up_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("longrunning.engines.heartbeat._LAST_BEAT_SECONDS", 0.01)
    hangs, goes_on = threading.Event(), threading.Event()

    def hanging() -> int:
        if threading.current_thread().name == "longrunning heart":
            hangs.set()
            goes_on.wait()
        return system_clock()

    operations = Operations(store, engine=InProcessEngine(lease_seconds=0.1), clock=hanging)
    try:
        async with asyncio.timeout(WAIT), operations:
            assert await asyncio.to_thread(hangs.wait, WAIT)
    finally:
        goes_on.set()


async def test_a_beat_that_comes_after_the_end_brings_no_lease_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "_LAST_BEAT_SECONDS", 0.01)
    monkeypatch.setattr(heartbeat, "SECOND", 30 * DAY)  # a lease of a day, and beats all the time
    hangs, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()
    heart = store.worklist.heart()

    class LateHeart(Heart):
        def beat(self, owner: str, *, now: int, lease: int) -> None:
            hangs.set()
            goes_on.wait()
            heart.beat(owner, now=now, lease=lease)

        def close(self) -> None:
            heart.close()
            is_over.set()

    async def orphans() -> list[str]:
        found = await store.worklist.orphans(["scan"], now=system_clock(), limit=10)
        return [record.owner for record in found]

    await store.open()
    record = new_record()
    await store.create(record, b"")
    assert await store.replace(claimed(record, "late"))
    monkeypatch.setattr(store.worklist, "heart", LateHeart)
    beats = heartbeat.Heartbeat(store.worklist, "late", DAY, system_clock)
    try:
        await beats.start()
        assert await asyncio.to_thread(hangs.wait, WAIT)
        assert await orphans() == []
        await beats.stop()
        assert await orphans() == ["late"]
    finally:
        goes_on.set()
    assert await asyncio.to_thread(is_over.wait, WAIT)
    assert await orphans() == ["late"]
    await store.close()


async def test_what_a_failed_claim_took_all_the_same_is_given_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = make(store)
    service = Service(operations)
    service.go_on.set()
    claim = store.worklist.claim
    lost: list[str] = []

    async def answer_gets_lost(*arguments: Any, **options: Any) -> Sequence[Work]:
        works = await claim(*arguments, **options)
        if works and not lost:
            lost.extend(work.record.name for work in works)
            raise Unavailable("Away.", reason="STORE_UNAVAILABLE")
        return works

    monkeypatch.setattr(store.worklist, "claim", answer_gets_lost)
    async with operations:
        name = await service.start("wait")
        assert (await operations.wait(name, WAIT)).HasField("response")
    assert lost == [name]
    assert service.attempts == [2]  # it was never begun by the first, and may not fail for that


async def test_a_doubt_that_comes_while_another_is_settled_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryStore()
    operations = make(store, sweep_seconds=WAIT)
    held = store.worklist.held

    async def held_in_doubt(owner: str) -> Sequence[Record]:
        found = await held(owner)
        doubting._doubtful = True
        return found

    async with operations:
        doubting = operations.engine._worker  # type: ignore[attr-defined]
        doubting._doubtful = True
        monkeypatch.setattr(store.worklist, "held", held_in_doubt)
        await doubting.settle_doubts()
        assert doubting._doubtful


async def test_stopping_while_the_store_is_away_leaves_the_rest_to_the_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(owner: str) -> None:
        raise Unavailable("Away.", reason="STORE_UNAVAILABLE")

    monkeypatch.setattr(store.worklist, "retire", away)
    async with make(store):
        pass
    assert "the lease runs out by itself, in 15 s: Away." in caplog.text


async def test_a_handler_that_is_declared_late_is_run_too(store: Store) -> None:
    operations = make(store)
    async with operations:

        @operations.handler(name="late")
        async def late(request: TEXT, operation: AsyncOperationContext) -> None:
            """Does nothing."""

        name = (await operations.start(late, TEXT())).name
        assert (await operations.wait(name, WAIT)).HasField("response")


async def test_many_that_lost_their_worker_are_settled_in_one_go(store: Store) -> None:
    operations = Operations(store, sweep_seconds=60.0)
    async with operations:
        names = [(await operations.create(lease=0.001)).name for _ in range(250)]
        async with asyncio.timeout(WAIT):
            for name in names:
                # Until its lease has run out; the sweep at the start may have settled the first.
                while not (await operations.get(name)).done:
                    await operations._recovery.recover()
        for name in names:
            assert info_of(await operations.get(name)).reason == "WORKER_LOST"
