"""What a handler in a process returns, and what it raises."""

import traceback
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from google.protobuf import any_pb2

from longrunning.engines.context import OperationCancelled
from longrunning.engines.progress import Progress
from longrunning.engines.remote_error import RemoteError
from longrunning.errors import OperationsError
from longrunning.handlers import Handler
from tests.longrunning.engines.processes import broken_handlers
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import Calling, Written, assignment
from tests.longrunning.engines.processes.handlers import TEXT


async def test_a_handler_returns_its_response(calling: Calling) -> None:
    assert await calling.text(process_handlers.echo, "hello") == "hello"


async def test_messages_larger_than_any_buffer_cross_both_ways(calling: Calling) -> None:
    request = "x" * 5_000_000
    assert await calling.text(process_handlers.echo, request) == request


async def test_nothing_is_an_empty_response(calling: Calling) -> None:
    assert await calling(process_handlers.nothing) is None


async def test_an_any_stays_an_any(calling: Calling) -> None:
    message = any_pb2.Any()
    message.Pack(TEXT(value="inside"))
    assert await calling(process_handlers.packed, message) == message


async def test_the_context_says_what_the_assignment_says(calling: Calling) -> None:
    work = assignment(
        "asked",
        parent="projects/p",
        attempt=3,
        deadline=datetime(2030, 1, 1, tzinfo=UTC),
        last_checkpoint=TEXT(value="half way"),
    )
    result = await calling.pool.call(process_handlers.describe, work, cast(Progress, Written()))
    assert cast(TEXT, result).value == repr(
        (
            "operations/1",
            "projects/p",
            3,
            "2030-01-01T00:00:00+00:00",
            "half way",
            "asked",
            False,
        )
    )


async def test_it_is_found_under_another_name_than_its_function_s(calling: Calling) -> None:
    assert await calling.text(process_handlers.declared_apart) == "found"


@pytest.mark.parametrize(
    ("qualname", "message"),
    [
        (
            "plain",
            "LookupError: tests.longrunning.engines.processes.handlers.plain is a function in "
            "another process, and no handler: decorate it where it is defined",
        ),
        (
            "missing",
            "LookupError: the module tests.longrunning.engines.processes.handlers has no missing "
            "in another process: define the handler there at the top, under no condition",
        ),
    ],
)
async def test_a_handler_that_its_process_does_not_find_is_told_of(
    calling: Calling, qualname: str, message: str
) -> None:
    def function(request: TEXT, operation: Any) -> TEXT:
        return request

    function.__module__ = process_handlers.__name__
    function.__qualname__ = qualname
    handler = process_handlers.process(name=qualname)(function)
    with pytest.raises(RemoteError) as raised:
        await calling(handler)
    assert str(raised.value) == message


async def test_a_module_that_cannot_be_imported_fails_its_calls_only(calling: Calling) -> None:
    for _ in range(2):
        with pytest.raises(RemoteError, match="ImportError: the driver of the tape is missing"):
            await calling(broken_handlers.handler)
    assert await calling.text(process_handlers.echo, "well") == "well"


@pytest.mark.parametrize(
    ("raised", "message", "reason"),
    [
        ("ours", "Locked by me.", "LOCKED"),
        ("status", "Rows are gone.", "HANDLER_FAILED"),
        ("mapped", "No paper left.", "NONE_LEFT"),
    ],
)
async def test_errors_that_clients_see_cross_as_themselves(
    calling: Calling, raised: str, message: str, reason: str
) -> None:
    with pytest.raises(OperationsError) as caught:
        await calling(process_handlers.fail, raised)
    assert (str(caught.value), caught.value.reason) == (message, reason)
    if raised == "ours":
        assert isinstance(caught.value, process_handlers.Locked)
        assert (caught.value.by, caught.value.metadata) == ("me", {"by": "me"})
        assert "in fail" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        ("foreign", "ValueError: secret password"),
        ("badly mapped", "RuntimeError: the mapping is broken"),
        ("unpicklable", "TypeError: cannot pickle '_thread.lock' object"),
        ("exit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt"),
        ("stop", "StopIteration"),
    ],
)
async def test_other_exceptions_bring_their_traceback_for_the_log(
    calling: Calling, raised: str, message: str
) -> None:
    pid = await calling.text(process_handlers.pid)
    with pytest.raises(RemoteError) as caught:
        await calling(process_handlers.fail, raised)
    assert str(caught.value) == message
    logged = "".join(traceback.format_exception(caught.value))
    assert "handlers.py" in logged
    assert "raise RAISED[request.value]()" in logged
    assert await calling.text(process_handlers.pid) == pid


async def test_a_handler_that_gives_up_by_itself_is_cancelled(calling: Calling) -> None:
    with pytest.raises(OperationCancelled):
        await calling(process_handlers.fail, "cancelled")


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (process_handlers.return_wrongly, "returned a Int32Value: it was declared with"),
        (process_handlers.report_wrongly, "reported a Int32Value: it was declared with"),
    ],
)
async def test_a_message_of_the_wrong_type_is_an_error_at_once(
    calling: Calling, handler: Handler[Any, Any], message: str
) -> None:
    with pytest.raises(RemoteError, match=f"^TypeError: .* {message}"):
        await calling(handler)
