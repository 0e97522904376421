"""What people who test their handlers rely on, for handlers of each colour."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf import struct_pb2
from google.rpc import code_pb2, error_details_pb2

from longrunning import AsyncOperationContext, Handler, MemoryStore, Operations
from longrunning.testing import FakeClock, run
from tests.longrunning.testing import counting
from tests.longrunning.testing.counting import HANDLERS, NUMBER, TEXT


@pytest.fixture(params=HANDLERS)
def handler(request: pytest.FixtureRequest) -> Handler[..., object]:
    return HANDLERS[request.param]


@pytest.fixture(autouse=True)
def nothing_cleaned_up() -> None:
    counting.cleaned_up.clear()


def numbers(messages: object) -> list[int]:
    return [message.value for message in messages]  # type: ignore[attr-defined]


def reason_of(status: object) -> str:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)  # type: ignore[attr-defined]
    return info.reason


async def test_reports_checkpoints_and_response_are_told(handler: Handler[..., object]) -> None:
    result = await run(handler, NUMBER(value=3), parent="projects/p")
    assert result.response == TEXT(value="from 0 in attempt 1")
    assert (result.error, result.cancelled, result.attempt) == (None, False, 1)
    assert numbers(result.reports) == numbers(result.checkpoints) == [1, 2, 3]
    assert result.operation.done
    assert result.operation.name.startswith("projects/p/operations/")


async def test_an_attempt_begins_with_the_checkpoint_that_is_given(
    handler: Handler[..., object],
) -> None:
    result = await run(handler, NUMBER(value=3), last_checkpoint=NUMBER(value=2))
    assert result.response == TEXT(value="from 2 in attempt 2")
    assert numbers(result.reports) == [3]
    result = await run(handler, NUMBER(value=3), attempt=3)
    assert result.response == TEXT(value="from 0 in attempt 3")


async def test_a_cancellation_arrives_at_the_chosen_report(handler: Handler[..., object]) -> None:
    result = await run(handler, NUMBER(value=5), cancel_at=2)
    assert result.cancelled
    assert result.error is not None
    assert result.error.code == code_pb2.CANCELLED
    assert (numbers(result.reports), numbers(result.checkpoints)) == ([1, 2], [1])
    assert counting.cleaned_up == ([] if handler.run == "process" else [handler.run])


async def test_work_that_finishes_anyway_wins() -> None:
    result = await run(counting.stubborn, NUMBER(), cancel_at=1)
    assert result.response == TEXT(value="done anyway")
    assert not result.cancelled


async def test_after_a_crash_the_work_resumes_from_its_checkpoint(
    handler: Handler[..., object],
) -> None:
    result = await run(handler, NUMBER(value=4), crash_at=3)
    assert result.response == TEXT(value="from 2 in attempt 2")
    assert numbers(result.reports) == [1, 2, 3, 3, 4]
    assert numbers(result.checkpoints) == [1, 2, 3, 4]
    assert counting.cleaned_up == []


async def test_what_a_crash_left_can_be_looked_at(handler: Handler[..., object]) -> None:
    result = await run(handler, NUMBER(value=4), crash_at=2, resume=False)
    assert not result.operation.done
    assert (result.response, result.error, result.attempt) == (None, None, 1)
    assert numbers(result.checkpoints) == [1]


async def test_the_last_attempt_that_crashes_is_lost(handler: Handler[..., object]) -> None:
    result = await run(handler, NUMBER(value=2), attempt=3, crash_at=1)
    assert result.error is not None
    assert (result.error.code, reason_of(result.error)) == (code_pb2.ABORTED, "WORKER_LOST")


async def test_without_retry_a_crash_is_the_end() -> None:
    result = await run(counting.fragile, NUMBER(), crash_at=1)
    assert result.error is not None
    assert reason_of(result.error) == "WORKER_LOST"
    assert counting.cleaned_up == []  # as after SIGKILL


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        ("mapped", code_pb2.ABORTED, "No."),
        ("foreign", code_pb2.INTERNAL, "The operation failed for a reason inside the service."),
    ],
)
async def test_errors_are_those_that_clients_see(value: str, code: int, message: str) -> None:
    result = await run(counting.failing, TEXT(value=value), domain="tests.example.com")
    assert result.error is not None
    assert (result.error.code, result.error.message) == (code, message)
    info = error_details_pb2.ErrorInfo()
    assert result.error.details[0].Unpack(info)
    assert info.domain == "tests.example.com"


async def test_deadlines_are_those_of_the_clock() -> None:
    clock = FakeClock()
    due = str(clock.now + timedelta(seconds=60))
    assert (await run(counting.timed, TEXT(), clock=clock)).response == TEXT(value=due)
    later = clock.now + timedelta(hours=1)
    result = await run(counting.timed, TEXT(), deadline=later, clock=clock)
    assert result.response == TEXT(value=str(later))
    soon = clock.now + timedelta(milliseconds=10)
    result = await run(counting.timed, TEXT(value="slow"), deadline=soon, clock=clock)
    assert result.error is not None
    assert result.error.code == code_pb2.DEADLINE_EXCEEDED


async def test_a_process_that_dies_by_itself_is_tried_again(tmp_path: Path) -> None:
    result = await run(counting.dying, TEXT(value=str(tmp_path / "begun")))
    assert result.response == NUMBER(value=2)


async def test_an_operation_that_is_too_large_fails() -> None:
    result = await run(counting.large, TEXT(), max_operation_bytes=500)
    assert result.error is not None
    assert result.error.code == code_pb2.RESOURCE_EXHAUSTED


async def test_a_report_that_never_came_fails_the_test() -> None:
    with pytest.raises(AssertionError) as failed:
        await run(counting.on_loop, NUMBER(value=2), cancel_at=3)
    assert str(failed.value) == "cancel_at is 3, and loop reported 2 times"


async def test_an_empty_checkpoint_is_a_checkpoint() -> None:
    operations = Operations(MemoryStore())

    @operations.handler(checkpoint=struct_pb2.ListValue)  # of those whose empty ones are false
    async def resume(request: TEXT, operation: AsyncOperationContext) -> None:
        assert operation.last_checkpoint == struct_pb2.ListValue()

    result = await run(resume, TEXT(), last_checkpoint=struct_pb2.ListValue())
    assert (result.error, result.attempt) == (None, 2)


async def test_what_cannot_happen_in_a_service_is_refused() -> None:
    with pytest.raises(TypeError, match="loop left as its checkpoint a StringValue: it was decl"):
        await run(counting.on_loop, NUMBER(), last_checkpoint=TEXT())
    with pytest.raises(ValueError, match="the deadline 2027-01-01 00:00:00 has no time zone"):
        await run(counting.on_loop, NUMBER(), deadline=datetime(2027, 1, 1))  # noqa: DTZ001 - it is
    operations = Operations(MemoryStore())

    @operations.handler(name="firm", cancellable=False)
    async def firm(request: TEXT, operation: AsyncOperationContext) -> None:
        """Does nothing."""

    with pytest.raises(ValueError, match="firm is declared not cancellable: leave out cancel_at"):
        await run(firm, TEXT(), cancel_at=1)


async def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="attempt is 0: attempts are counted from 1"):
        await run(counting.on_loop, NUMBER(), attempt=0)
    with pytest.raises(ValueError, match="crash_at is 0: reports are counted from 1"):
        await run(counting.on_loop, NUMBER(), crash_at=0)
    with pytest.raises(ValueError, match="attempt is 1: what comes after a checkpoint is at least"):
        await run(counting.on_loop, NUMBER(), attempt=1, last_checkpoint=NUMBER())


async def test_a_run_that_is_given_up_is_interrupted() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await run(counting.timed, TEXT(value="slow"))


def test_the_clock_moves_when_it_is_told_to() -> None:
    clock = FakeClock(datetime(2030, 1, 1, tzinfo=UTC))
    assert clock() == int(datetime(2030, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    clock.advance(1.5)
    assert clock.now == datetime(2030, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)
    with pytest.raises(ValueError, match="a clock moves on, and not by -1 seconds"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="has no time zone"):
        FakeClock(datetime(2030, 1, 1))  # noqa: DTZ001 - what is refused
