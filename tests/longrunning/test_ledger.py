"""Every change goes through the ledger: what it refuses, and what it must not refuse."""

import asyncio
import re
from collections.abc import Callable

import pytest
from google.protobuf import any_pb2, wrappers_pb2
from google.rpc import code_pb2, status_pb2

from longrunning import (
    Aborted,
    AlreadyExists,
    AsyncOperationContext,
    Operations,
    OperationTooLarge,
)
from tests.longrunning.conftest import Clock

BYTES = wrappers_pb2.BytesValue
TEXT = wrappers_pb2.StringValue
LIMIT = 1024 * 1024


def almost(limit: int) -> any_pb2.Any:
    """Metadata that leave an operation hardly any room."""
    return any_pb2.Any(type_url="type.example.com/no.Such", value=b"x" * (limit - 150))


@pytest.mark.parametrize("end", ["fail", "cancelled"])
async def test_an_operation_without_room_can_be_ended_by_an_error(
    operations: Operations, end: str
) -> None:
    name = (await operations.create(metadata=almost(LIMIT))).name
    with pytest.raises(OperationTooLarge):
        await operations.succeed(name, TEXT(value="x" * 200))
    if end == "fail":
        error = Aborted("It grew too large." * 10, reason="TOO_LARGE")
        assert (await operations.fail(name, error)).error.code == code_pb2.ABORTED
    else:
        assert (await operations.cancelled(name)).error.code == code_pb2.CANCELLED


async def test_an_error_that_is_too_large_itself_is_refused(operations: Operations) -> None:
    name = (await operations.create(metadata=almost(LIMIT))).name
    with pytest.raises(OperationTooLarge):
        await operations.fail(name, status_pb2.Status(code=13, message="x" * 20_000))
    assert not (await operations.get(name)).done


async def test_a_result_for_which_there_is_no_room_fails_the_operation(
    new_operations: Callable[..., Operations],
) -> None:
    operations = new_operations()

    @operations.handler(response=TEXT, metadata=BYTES)
    async def grow(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        await operation.report(BYTES(value=b"x" * (LIMIT - 200)))
        return TEXT(value="x" * 300)

    async with operations, asyncio.timeout(20):
        started = await operations.start(grow, TEXT())
        done = await operations.wait(started.name, 10)
    assert done.error.code == code_pb2.RESOURCE_EXHAUSTED


async def test_an_operation_without_room_does_not_keep_others_from_their_recovery(
    new_operations: Callable[..., Operations], clock: Clock
) -> None:
    async with new_operations() as operations, asyncio.timeout(20):
        full = await operations.create(metadata=almost(LIMIT), lease=0.1)
        other = await operations.create(lease=0.1)
        await asyncio.sleep(0.2)  # PostgreSQL judges by its own clock
        clock.advance(1)
        for lost in (full, other):
            assert (await operations.wait(lost.name, 10)).error.code == code_pb2.ABORTED


async def test_a_request_id_does_not_hand_over_the_work_of_another_handler(
    new_operations: Callable[..., Operations],
) -> None:
    operations = new_operations()

    @operations.handler(response=TEXT)
    async def one(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        return TEXT(value="one")

    @operations.handler(response=TEXT)
    async def two(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        return TEXT(value="two")

    async with operations:
        first = await operations.start(one, TEXT(value="a"), request_id="r")
        again = await operations.start(one, TEXT(value="a"), request_id="r")
        assert again.name == first.name
        with pytest.raises(AlreadyExists) as refused:
            await operations.start(two, TEXT(value="a"), request_id="r")
    assert refused.value.reason == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("seconds", [-1, 1e11])
@pytest.mark.parametrize("what", ["retention", "lease"])
async def test_a_time_that_cannot_be_kept_is_refused(
    operations: Operations, what: str, seconds: float
) -> None:
    message = re.escape(f"the {what} is {seconds:g} seconds: expected from 0 to 31557600000")
    with pytest.raises(ValueError, match=message):
        await operations.create(**{what: seconds})  # type: ignore[arg-type]
    assert not (await operations.list()).operations
