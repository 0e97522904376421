"""What a handler in a process reports and leaves as its checkpoint."""

import asyncio

import pytest

from longrunning.errors import OperationTooLarge
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import Calling, Written


async def test_reports_and_checkpoints_are_written_in_order(calling: Calling) -> None:
    written = Written()
    assert await calling.text(process_handlers.write, written=written) == "written"
    assert written.texts == [("report", "reported"), ("checkpoint", "left")]


async def test_a_report_returns_once_it_is_durable(calling: Calling) -> None:
    written = Written()
    written.gate.clear()
    task = asyncio.create_task(calling.text(process_handlers.write, written=written))
    await written.came.wait()
    assert await calling.text(process_handlers.echo, "meanwhile") == "meanwhile"
    assert written.texts == [("report", "reported")]
    written.gate.set()
    assert await task == "written"


async def test_a_refused_report_raises_what_the_store_says(calling: Calling) -> None:
    written = Written()
    written.refusal = OperationTooLarge(20, 10)
    refused = await calling.text(process_handlers.report_until_refused, written=written)
    assert refused == repr(
        (
            "OperationTooLarge",
            "The operation would be 20 bytes; the limit is 10.",
            {"bytes": "20", "limit": "10"},
        )
    )


async def test_a_report_that_breaks_the_server_does_not_hang(
    calling: Calling, caplog: pytest.LogCaptureFixture
) -> None:
    written = Written()
    written.refusal = ZeroDivisionError("a bug")
    refused = await calling.text(process_handlers.report_until_refused, written=written)
    assert "A report could not be written." in refused
    assert "ZeroDivisionError: a bug" in caplog.text


async def test_threads_of_a_handler_may_report(calling: Calling) -> None:
    written = Written()
    await calling(process_handlers.report_from_threads, written=written)
    assert sorted(text for _, text in written.texts) == list("01234567")


async def test_a_thread_that_was_left_behind_writes_for_no_later_call(calling: Calling) -> None:
    first, later = Written(), Written()
    await calling(process_handlers.leave_thread, "first", first)
    said = await calling.text(process_handlers.what_was_left, "later", later)
    assert said == "a report came after the handler's return"
    assert later.texts == [("report", "later")]
