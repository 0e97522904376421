"""What becomes of what a handler raises, and of what it leaves for its next attempt."""

import asyncio
import threading
import time
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, error_details_pb2

from longrunning import (
    AsyncOperationContext,
    InProcessEngine,
    Operations,
    OperationsError,
    ResourceExhausted,
    Store,
    SyncOperationContext,
)
from longrunning.clock import system_clock
from longrunning.stores import Heart

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value
WAIT = 20.0


def make(store: Store) -> Operations:
    engine = InProcessEngine(sweep_seconds=0.02)
    return Operations(store, engine=engine, drain=0.0, sweep_seconds=0.02)


def info_of(operation: operations_pb2.Operation) -> error_details_pb2.ErrorInfo:
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    return info


class DiskFull(Exception):
    pass


class VeryFull(DiskFull):
    pass


class Quota(Exception):
    """As `grpc.Status` has them: attributes, not methods."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    details = "There is no quota left."


class Fine(Exception):
    code = grpc.StatusCode.OK
    details = "all is well"


class FromAnotherService(grpc.RpcError):
    """As the errors of gRPC clients have them."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.PERMISSION_DENIED

    def details(self) -> str:
        return "secret of another service"


async def outcome(store: Store, raised: Exception, **options: Any) -> operations_pb2.Operation:
    operations = make(store)

    @operations.handler(name="fail", **options)
    async def fail(request: TEXT, operation: AsyncOperationContext) -> None:
        raise raised

    async with operations:
        return await operations.wait((await operations.start(fail, TEXT())).name, WAIT)


FULL = {
    DiskFull: lambda error: ResourceExhausted(
        "The disk is full.", reason="DISK_FULL", metadata={"path": str(error)}
    )
}


@pytest.mark.parametrize("raised", [DiskFull("d"), VeryFull("d")])
async def test_a_mapped_exception_becomes_what_the_handler_says(
    store: Store, raised: Exception
) -> None:
    done = await outcome(store, raised, errors=FULL)
    assert (done.error.code, done.error.message) == (
        code_pb2.RESOURCE_EXHAUSTED,
        "The disk is full.",
    )
    assert (info_of(done).reason, info_of(done).metadata) == ("DISK_FULL", {"path": "d"})


async def test_the_nearest_class_is_the_one_that_counts(store: Store) -> None:
    nearer = {VeryFull: lambda error: ResourceExhausted("Very.", reason="VERY_FULL")}
    done = await outcome(store, VeryFull(), errors={**FULL, **nearer})
    assert info_of(done).reason == "VERY_FULL"


async def test_an_exception_with_a_grpc_code_is_shown(store: Store) -> None:
    done = await outcome(store, Quota())
    assert (done.error.code, done.error.message) == (
        code_pb2.RESOURCE_EXHAUSTED,
        "There is no quota left.",
    )
    assert info_of(done).reason == "HANDLER_FAILED"


@pytest.mark.parametrize("raised", [FromAnotherService(), Fine(), KeyError("k")])
async def test_what_the_handler_did_not_choose_to_show_is_hidden(
    store: Store, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    done = await outcome(store, raised)
    assert (done.error.code, done.error.message) == (
        code_pb2.INTERNAL,
        "The operation failed for a reason inside the service.",
    )
    assert info_of(done).metadata["correlation_id"] in caplog.text


async def test_a_mapping_that_fails_is_hidden_too(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def convert(error: Exception) -> OperationsError:
        raise RuntimeError("the mapping is broken")

    done = await outcome(store, KeyError("k"), errors={KeyError: convert})
    assert done.error.code == code_pb2.INTERNAL
    assert "the mapping is broken" in caplog.text


@pytest.mark.parametrize("run", ["loop", "thread"])
async def test_the_next_attempt_begins_with_the_last_checkpoint(store: Store, run: str) -> None:
    operations = make(store)
    seen: list[tuple[int, Any]] = []
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def see(operation: Any) -> bool:
        seen.append((operation.attempt, operation.last_checkpoint))
        return operation.attempt == 1

    options: Any = {"name": "resume", "checkpoint": NUMBER, "on_interruption": "retry"}
    if run == "loop":

        @operations.handler(**options)
        async def resume(request: TEXT, operation: AsyncOperationContext) -> None:
            if see(operation):
                await operation.checkpoint(NUMBER(value=6))
                await operation.checkpoint(NUMBER(value=7))
                began.set()
                await asyncio.Event().wait()

    else:

        @operations.handler(**options, run="thread")
        def resume(request: TEXT, operation: SyncOperationContext) -> None:
            if see(operation):
                operation.checkpoint(NUMBER(value=7))
                loop.call_soon_threadsafe(began.set)
                while True:
                    operation.checkpoint(NUMBER(value=7))

    async with operations:
        name = (await operations.start(resume, TEXT())).name
        await began.wait()
    async with operations:
        assert (await operations.wait(name, WAIT)).HasField("response")
    assert seen == [(1, None), (2, NUMBER(value=7))]


@pytest.mark.parametrize("declared", [None, TEXT])
async def test_a_checkpoint_of_the_wrong_type_fails_the_operation_at_once(
    store: Store, declared: Any, caplog: pytest.LogCaptureFixture
) -> None:
    operations = make(store)

    @operations.handler(name="wrong", checkpoint=declared)
    async def wrong(request: TEXT, operation: AsyncOperationContext) -> None:
        await operation.checkpoint(NUMBER(value=1))

    async with operations:
        done = await operations.wait((await operations.start(wrong, TEXT())).name, WAIT)
    assert done.error.code == code_pb2.INTERNAL
    expected = declared.DESCRIPTOR.full_name if declared else "no checkpoint"
    assert (
        f"wrong left as its checkpoint a Int32Value: it was declared with {expected}" in caplog.text
    )


async def test_a_checkpoint_that_is_too_large_is_refused(store: Store) -> None:
    operations = make(store)

    @operations.handler(name="large", checkpoint=wrappers_pb2.BytesValue)
    async def large(request: TEXT, operation: AsyncOperationContext) -> None:
        await operation.checkpoint(wrappers_pb2.BytesValue(value=b"x" * 2**20))

    async with operations:
        done = await operations.wait((await operations.start(large, TEXT())).name, WAIT)
    assert info_of(done).reason == "OPERATION_TOO_LARGE"


class HeardHeart(Heart):
    """A heart that can be heard beating."""

    def __init__(self, heart: Heart, beaten: threading.Event) -> None:
        self._heart = heart
        self._beaten = beaten

    def beat(self, owner: str, *, now: int, lease: int) -> None:
        self._heart.beat(owner, now=now, lease=lease)
        self._beaten.set()

    def close(self) -> None:
        self._heart.close()


async def test_a_handler_that_blocks_the_loop_keeps_its_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = 1.0
    engine = InProcessEngine(lease_seconds=lease, sweep_seconds=0.02)
    operations = Operations(store, engine=engine)
    beaten = threading.Event()
    make_heart = store.worklist.heart
    lost: list[str] = []
    monkeypatch.setattr(store.worklist, "heart", lambda: HeardHeart(make_heart(), beaten))

    @operations.handler(name="block")
    async def block(request: TEXT, operation: AsyncOperationContext) -> None:
        time.sleep(1.2 * lease)  # noqa: ASYNC251 - what a handler must not do
        # A beat from now on, however late a busy machine has it: the lease of before is over.
        beaten.clear()
        assert beaten.wait(WAIT), "no beat while the loop is blocked"
        orphans = await store.worklist.orphans(["block"], now=system_clock(), limit=10)
        lost.extend(record.name for record in orphans)

    async with operations:
        done = await operations.wait((await operations.start(block, TEXT())).name, 2 * WAIT)
    assert done.HasField("response")
    assert not lost
