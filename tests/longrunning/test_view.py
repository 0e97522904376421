"""Get, List, Wait, Cancel and Delete, as a store's operations answer them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf import struct_pb2, wrappers_pb2
from google.rpc import code_pb2

from longrunning import (
    InvalidArgument,
    OperationNotFound,
    Operations,
    OperationTooLarge,
    Unimplemented,
    view,
)
from longrunning.auth import Caller

PARENT = "projects/p/locations/l"
OTHER = Caller(subject="other", issuer="https://issuer.example")
UNKNOWN = "operations/0190a000-0000-7000-8000-000000000000"


async def names_of(operations: Operations, **arguments: object) -> list[str]:
    """Lists to the end, and returns the names in order."""
    listed, token = [], ""
    while True:
        page = await operations.list(**arguments, page_token=token)  # type: ignore[arg-type]
        listed += [operation.name for operation in page.operations]
        token = page.next_page_token
        if not token:
            return listed


async def created(operations: Operations, count: int, parent: str = PARENT) -> list[str]:
    """Creates operations; returns their names as a list shows them, the newest first."""
    names = [(await operations.create(parent=parent)).name for _ in range(count)]
    return names[::-1]


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "delete"])
async def test_an_unknown_operation_is_not_found(operations: Operations, method: str) -> None:
    with pytest.raises(OperationNotFound) as refused:
        await getattr(operations, method)(UNKNOWN)
    assert refused.value.message == f"Operation '{UNKNOWN}' was not found."
    assert refused.value.metadata == {"name": UNKNOWN}


@pytest.mark.parametrize("method", ["get", "wait", "cancel", "delete"])
async def test_a_malformed_name_is_refused(operations: Operations, method: str) -> None:
    with pytest.raises(InvalidArgument, match="is not the name of an operation"):
        await getattr(operations, method)("projects/p")


async def test_a_page_holds_the_newest_first_and_the_rest_follows(operations: Operations) -> None:
    expected = await created(operations, 5)
    first = await operations.list(PARENT, page_size=2)
    assert [operation.name for operation in first.operations] == expected[:2]
    assert await names_of(operations, name=PARENT, page_size=2) == expected


async def test_a_last_page_that_is_full_has_no_token(operations: Operations) -> None:
    await created(operations, 2)
    assert not (await operations.list(PARENT, page_size=2)).next_page_token


async def test_rows_that_come_and_go_cause_neither_repeats_nor_gaps(
    operations: Operations,
) -> None:
    expected = await created(operations, 6)
    first = await operations.list(PARENT, page_size=2)
    await created(operations, 2)
    await operations.delete(expected[1])
    await operations.delete(expected[3])
    second = await operations.list(PARENT, page_size=10, page_token=first.next_page_token)
    assert [operation.name for operation in second.operations] == [
        name for name in expected[2:] if name != expected[3]
    ]


@pytest.mark.parametrize("name", [PARENT, f"{PARENT}/operations"])
async def test_a_parent_is_taken_in_both_spellings(operations: Operations, name: str) -> None:
    expected = await created(operations, 1)
    await created(operations, 1, parent="")
    assert await names_of(operations, name=name) == expected


@pytest.mark.parametrize("name", ["", "operations"])
async def test_no_parent_means_operations_without_one(operations: Operations, name: str) -> None:
    expected = await created(operations, 1, parent="")
    await created(operations, 1)
    assert await names_of(operations, name=name) == expected


async def test_a_wildcard_reads_across_parents_and_names_stay_canonical(
    operations: Operations,
) -> None:
    one = await created(operations, 1, parent="projects/a/locations/l")
    two = await created(operations, 1, parent="projects/b/locations/l")
    await created(operations, 1, parent="projects/b/locations/m")
    assert await names_of(operations, name="projects/-/locations/l") == two + one


async def test_a_filter_selects(operations: Operations) -> None:
    failed, done, running = await created(operations, 3)
    await operations.succeed(done, wrappers_pb2.StringValue(value="x"))
    await operations.cancelled(failed)
    for text, expected in {
        "done:true": [failed, done],
        "NOT done": [running],
        "error.code = 1": [failed],
        "response:*": [done],
        "done = true AND done = false": [],
        f'name = "{running}"': [running],
    }.items():
        assert await names_of(operations, name=PARENT, filter=text) == expected, text


async def test_a_page_looks_at_no_more_than_a_bounded_number_of_rows(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "_ROWS_PER_PAGE", 10)
    marked = wrappers_pb2.StringValue(value="a needle")
    oldest = (await operations.create(parent=PARENT, metadata=marked)).name
    await created(operations, 30)
    arguments = {"name": PARENT, "filter": 'metadata.value = "a needle"'}
    page = await operations.list(**arguments)
    assert not page.operations
    assert page.next_page_token
    assert await names_of(operations, **arguments) == [oldest]


async def test_a_page_looks_at_no_more_than_a_bounded_number_of_bytes(
    operations: Operations,
) -> None:
    large = wrappers_pb2.BytesValue(value=b"x" * 1_000_000)
    names = [(await operations.create(metadata=large)).name for _ in range(6)]
    page = await operations.list(filter="needle")
    assert not page.operations
    assert page.next_page_token
    assert await names_of(operations, filter="needle OR BytesValue") == names[::-1]


async def test_a_filter_that_takes_long_does_not_hold_up_others(
    operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = struct_pb2.Struct()
    many.update({str(key): key for key in range(8_000)})
    for _ in range(3):
        await operations.create(metadata=many)
    reading = False
    read = view._read

    def watched(*arguments: Any) -> Any:
        nonlocal reading
        reading = True
        try:
            return read(*arguments)
        finally:
            reading = False

    monkeypatch.setattr(view, "_read", watched)
    listing = asyncio.create_task(
        operations.list(filter=" OR ".join(f"word{word}" for word in range(20)))
    )
    turns = 0
    while not listing.done():
        await asyncio.sleep(0)
        turns += reading
    assert turns > 10


async def test_a_page_stops_before_it_is_too_large_for_a_client(operations: Operations) -> None:
    large = wrappers_pb2.BytesValue(value=b"x" * 900_000)
    for _ in range(6):
        await operations.create(parent=PARENT, metadata=large)
    page = await operations.list(PARENT)
    assert 0 < page.ByteSize() < 4 * 1024 * 1024
    assert page.next_page_token
    assert len(await names_of(operations, name=PARENT)) == 6


async def test_page_sizes_are_bounded(
    new_operations: Callable[..., Operations],
) -> None:
    async with new_operations(page_size=2, max_page_size=3) as operations:
        await created(operations, 5)
        sizes = {
            size: len((await operations.list(PARENT, page_size=size)).operations)
            for size in (0, 1, 3, 4, 2**31 - 1)
        }
    assert sizes == {0: 2, 1: 1, 3: 3, 4: 3, 2**31 - 1: 3}


@pytest.mark.parametrize(
    ("arguments", "field", "message"),
    [
        (
            {"page_size": -1},
            "page_size",
            "The page size is -1: expected 0 (the default) or more.",
        ),
        (
            {"page_token": "AAAA"},
            "page_token",
            "The page token is invalid: it belongs to another list; "
            "all but page_size must be as for the page before.",
        ),
        (
            {"return_partial_success": True},
            "return_partial_success",
            "return_partial_success needs a parent with the wildcard '-'.",
        ),
    ],
)
async def test_a_wrong_list_is_refused(
    operations: Operations, arguments: dict[str, object], field: str, message: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await operations.list(PARENT, **arguments)  # type: ignore[arg-type]
    assert (refused.value.field, refused.value.message) == (field, message)


async def test_partial_success_is_granted_with_a_wildcard(operations: Operations) -> None:
    expected = await created(operations, 1)
    page = await operations.list("projects/-/locations/-", return_partial_success=True)
    assert [operation.name for operation in page.operations] == expected


async def test_only_the_size_of_a_page_may_change_on_the_way(operations: Operations) -> None:
    await created(operations, 3)
    list_ = {"name": "projects/-/locations/-", "page_size": 1, "return_partial_success": True}
    token = (await operations.list(**list_)).next_page_token  # type: ignore[arg-type]
    page = await operations.list(**list_ | {"page_size": 2}, page_token=token)  # type: ignore[arg-type]
    assert len(page.operations) == 2
    for change in ({"return_partial_success": False}, {"filter": "name:*"}, {"caller": OTHER}):
        with pytest.raises(InvalidArgument) as refused:
            await operations.list(**list_ | change, page_token=token)  # type: ignore[arg-type]
        assert refused.value.field == "page_token"


async def test_wait_returns_when_the_operation_is_done(operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = asyncio.create_task(operations.wait(name))
    await operations.report(name, wrappers_pb2.Int32Value(value=1))
    assert not waiting.done()
    await operations.succeed(name)
    assert (await waiting).done


async def test_wait_answers_with_the_latest_state_when_the_time_is_over(
    operations: Operations,
) -> None:
    name = (await operations.create()).name
    assert await operations.wait(name, 0.0) == await operations.get(name)
    assert await operations.wait(name, 0.01) == await operations.get(name)


async def test_wait_waits_no_longer_than_the_server_allows(
    new_operations: Callable[..., Operations],
) -> None:
    async with new_operations(max_wait=0.01) as operations:
        name = (await operations.create()).name
        assert not (await operations.wait(name, 3600)).done
        assert not (await operations.wait(name)).done


async def test_a_negative_timeout_is_refused(operations: Operations) -> None:
    name = (await operations.create()).name
    with pytest.raises(InvalidArgument, match="The timeout is -1 seconds"):
        await operations.wait(name, -1)


async def test_waiting_for_what_is_deleted_ends_as_not_found(operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = asyncio.create_task(operations.wait(name))
    await asyncio.sleep(0)
    await operations.delete(name)
    with pytest.raises(OperationNotFound):
        await waiting


async def test_waiters_are_answered_when_the_server_drains(operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = asyncio.create_task(operations.wait(name))
    await asyncio.sleep(0)
    operations.answer_waiters()
    assert not (await waiting).done
    assert not (await operations.wait(name)).done


async def test_a_waiter_that_goes_away_leaves_nothing_behind(operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = [asyncio.create_task(operations.wait(name)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert operations._open.waiters._waiting == {}
    assert operations._open.waiters._unwatch is None


async def test_cancelling_what_is_done_changes_nothing(operations: Operations) -> None:
    name = (await operations.create()).name
    done = await operations.succeed(name)
    await operations.cancel(name)
    assert await operations.get(name) == done


async def test_cancelling_work_that_runs_elsewhere_tells_its_next_report(
    operations: Operations,
) -> None:
    name = (await operations.create()).name
    assert not await operations.report(name, wrappers_pb2.Int32Value(value=1))
    await operations.cancel(name)
    assert not (await operations.get(name)).done
    assert await operations.report(name, wrappers_pb2.Int32Value(value=2))
    assert (await operations.cancelled(name)).error.code == code_pb2.CANCELLED


async def test_a_handler_that_is_not_cancellable_refuses(
    new_operations: Callable[..., Operations],
) -> None:
    operations = new_operations()
    stop = asyncio.Event()

    @operations.handler(cancellable=False)
    async def unstoppable(request: object, operation: object) -> None:
        await stop.wait()

    async with operations:
        name = (await operations.start(unstoppable, wrappers_pb2.StringValue())).name
        with pytest.raises(Unimplemented) as refused:
            await operations.cancel(name)
        stop.set()
        assert (await operations.wait(name, 10)).HasField("response")
    assert refused.value.message == (
        f"Operation '{name}' cannot be cancelled: its method does not offer it."
    )


async def test_what_is_deleted_is_gone(operations: Operations) -> None:
    name = (await operations.create()).name
    await operations.delete(name)
    with pytest.raises(OperationNotFound):
        await operations.get(name)
    with pytest.raises(OperationNotFound):
        await operations.delete(name)


async def test_an_operation_that_grew_too_large_keeps_its_last_state(
    operations: Operations,
) -> None:
    name = (await operations.create()).name
    with pytest.raises(OperationTooLarge) as refused:
        await operations.succeed(name, wrappers_pb2.BytesValue(value=b"x" * 1024 * 1024))
    assert refused.value.metadata["limit"] == "1048576"
    assert not (await operations.get(name)).done
