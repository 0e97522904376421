"""Declaring handlers, starting and ending operations, opening and closing."""

import asyncio
from collections.abc import Callable

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, empty_pb2, struct_pb2, wrappers_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from longrunning import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    MemoryStore,
    OperationNotFound,
    Operations,
)
from longrunning.lifecycle import IllegalTransition

TEXT = wrappers_pb2.StringValue
DAY = 24 * 60 * 60


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "delete"])
async def test_using_it_before_it_is_open_says_how_to_open_it(method: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        await getattr(Operations(MemoryStore()), method)("operations/1")
    assert str(refused.value) == (
        "this Operations is not open: use `async with operations:`, "
        "FastAPI(lifespan=operations.lifespan), an App, or `with operations.portal()`"
    )


async def test_it_cannot_be_opened_twice_at_once_but_again(
    new_operations: Callable[..., Operations],
) -> None:
    operations = new_operations()
    async with operations:
        name = (await operations.create()).name
        with pytest.raises(RuntimeError, match="is open already"):
            await operations.__aenter__()
    async with operations.lifespan(object()):
        assert (await operations.get(name)).name == name


async def test_an_operation_is_there_when_its_name_is_returned(
    new_operations: Callable[..., Operations],
) -> None:
    operations = new_operations()

    @operations.handler(response=TEXT)
    async def echo(request: TEXT, operation: object) -> TEXT:
        return request

    async with operations:
        started = await operations.start(echo, TEXT(value="a"), parent="projects/p")
        assert started.name.startswith("projects/p/operations/")
        assert not started.done
        done = await operations.wait(started.name, 10)
    result = TEXT()
    assert done.response.Unpack(result)
    assert result.value == "a"


async def a_coroutine(request: object, operation: object) -> None: ...


async def test_a_handler_of_another_operations_is_refused(operations: Operations) -> None:
    foreign = Operations(MemoryStore()).handler()(a_coroutine)
    with pytest.raises(TypeError, match="is not a handler of this Operations"):
        await operations.start(foreign, TEXT())


async def test_a_malformed_parent_starts_nothing(operations: Operations) -> None:
    with pytest.raises(InvalidArgument, match="'a//b' is not a resource name"):
        await operations.create(parent="a//b")


async def test_the_same_request_id_returns_the_same_operation(operations: Operations) -> None:
    async def create(**changes: object) -> operations_pb2.Operation:
        arguments = {"method": "a.B/C", "request": TEXT(value="a"), "request_id": "r"} | changes
        return await operations.create(**arguments)  # type: ignore[arg-type]

    first = await create()
    assert (await create()).name == first.name
    assert (await create(parent="projects/p")).name != first.name
    assert (await create(method="a.B/D")).name != first.name
    assert (await create(request_id="")).name != first.name
    with pytest.raises(AlreadyExists) as refused:
        await create(request=TEXT(value="b"))
    assert refused.value.message == (
        "The request id 'r' was used before, with a different request."
    )
    await operations.delete(first.name)
    assert (await create()).name != first.name


async def test_many_starts_at_once_with_one_request_id_make_one_operation(
    operations: Operations,
) -> None:
    made = await asyncio.gather(*(operations.create(request_id="r") for _ in range(50)))
    assert len({operation.name for operation in made}) == 1


async def test_an_operation_without_data_answers_with_empty(operations: Operations) -> None:
    name = (await operations.create()).name
    done = await operations.succeed(name)
    assert done.response.Is(empty_pb2.Empty.DESCRIPTOR)


async def test_the_bytes_of_unknown_types_are_kept(operations: Operations) -> None:
    unknown = any_pb2.Any(type_url="type.example.com/no.Such", value=b"\xff\x00\x01")
    name = (await operations.create(metadata=unknown)).name
    await operations.succeed(name, unknown)
    kept = await operations.get(name)
    assert (kept.metadata, kept.response) == (unknown, unknown)


async def test_a_failure_carries_the_error_that_was_chosen(operations: Operations) -> None:
    name = (await operations.create()).name
    error = Aborted("Too busy.", reason="BUSY", metadata={"load": "9"})
    failed = await operations.fail(name, error)
    info = error_details_pb2.ErrorInfo()
    assert (failed.error.code, failed.error.message) == (code_pb2.ABORTED, "Too busy.")
    assert failed.error.details[0].Unpack(info)
    assert (info.reason, info.domain, info.metadata) == ("BUSY", "longrunning", {"load": "9"})


async def test_a_status_is_taken_as_it_is(operations: Operations) -> None:
    status = status_pb2.Status(code=code_pb2.DATA_LOSS, message="Gone.")
    name = (await operations.create()).name
    assert (await operations.fail(name, status)).error == status


async def test_what_is_done_stays_so(operations: Operations) -> None:
    name = (await operations.create()).name
    done = await operations.succeed(name)
    with pytest.raises(IllegalTransition, match="is succeeded: it cannot be failed"):
        await operations.fail(name, status_pb2.Status(code=2))
    with pytest.raises(IllegalTransition, match="is succeeded: it cannot be reported"):
        await operations.report(name, TEXT())
    assert await operations.get(name) == done


async def test_of_many_outcomes_at_once_one_wins(operations: Operations) -> None:
    name = (await operations.create()).name
    outcomes = await asyncio.gather(
        *(operations.succeed(name, TEXT(value=str(n))) for n in range(20)),
        *(operations.fail(name, status_pb2.Status(code=2)) for _ in range(20)),
        *(operations.cancelled(name) for _ in range(20)),
        return_exceptions=True,
    )
    won = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert won == [await operations.get(name)]
    assert {type(each) for each in outcomes} == {IllegalTransition, operations_pb2.Operation}


async def test_finished_operations_are_purged_when_their_time_is_over(
    new_operations: Callable[..., Operations], clock: Callable[[], int]
) -> None:
    operations = new_operations(retention=DAY)
    operations.handler(name="brief", retention=DAY / 2)(a_coroutine)
    async with operations:
        early = (await operations.create()).name
        late = (await operations.create(retention=10 * DAY)).name
        running = (await operations.create()).name
        handler = operations._handlers.get("brief")
        assert handler is not None
        brief = (await operations.start(handler, TEXT())).name
        kept = (await operations.start(handler, TEXT(), retention=10 * DAY)).name
        for name in (brief, kept):
            await operations.wait(name, 10)
        await operations.succeed(early)
        await operations.succeed(late)
        clock.advance(DAY + 1)  # type: ignore[attr-defined]
    async with operations:
        operations._purging.stop()  # has not begun; two at once leave rows to each other
        await operations._purging.purge()
        for name in (early, brief):
            with pytest.raises(OperationNotFound):
                await operations.get(name)
        assert (await operations.get(kept)).done
        assert (await operations.get(late)).done
        assert not (await operations.get(running)).done


async def test_a_request_id_is_bounded(operations: Operations) -> None:
    await operations.create(request_id="r" * 128)
    for wrong in ("r" * 129, "nul \0"):
        with pytest.raises(InvalidArgument) as refused:
            await operations.create(request_id=wrong)
        assert refused.value.message == (
            f"The request id has {len(wrong)} characters: "
            "expected at most 128 printable ones, such as a UUID."
        )


@pytest.mark.parametrize("what", ["retention", "lease"])
@pytest.mark.parametrize("seconds", [-1.0, 4e10, float("inf"), float("nan")])
async def test_a_time_that_cannot_be_kept_is_refused(
    operations: Operations, what: str, seconds: float
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the message is asserted below
        await operations.create(**{what: seconds})  # type: ignore[arg-type]
    assert str(refused.value) == (
        f"the {what} is {seconds:g} seconds: expected from 0 to 31557600000, a thousand years"
    )


async def test_a_lease_of_no_time_is_refused(operations: Operations) -> None:
    with pytest.raises(ValueError, match="the lease is 0 seconds: expected more, or None"):
        await operations.create(lease=0)


async def test_an_empty_message_is_a_message(operations: Operations) -> None:
    empty = struct_pb2.Struct()
    made = await operations.create(metadata=empty)
    assert made.metadata.Is(struct_pb2.Struct.DESCRIPTOR)
    done = await operations.succeed(made.name, empty)
    assert done.response.Is(struct_pb2.Struct.DESCRIPTOR)
