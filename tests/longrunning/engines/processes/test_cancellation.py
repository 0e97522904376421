"""Stopping a handler in a process, wherever it is."""

import asyncio
import time
from pathlib import Path

import pytest

from longrunning.engines.remote_error import RemoteError
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import Calling, Written, alive, outcome_of, until


@pytest.mark.parametrize("way", ["spin", "sleep", "read_pipe", "wait_for_lock", "wait_for_command"])
async def test_cancelling_raises_wherever_the_handler_is(
    calling: Calling, tmp_path: Path, way: str
) -> None:
    evidence = tmp_path / "evidence"
    pid = await calling.text(process_handlers.pid)
    task = asyncio.create_task(calling(process_handlers.occupied, f"{way} {evidence}"))
    await until(lambda: evidence.exists() and evidence.read_text() == "begun\n")
    task.cancel()
    assert await outcome_of(task) == "OperationCancelled"
    assert evidence.read_text() == "begun\ncleaned up True\n"
    assert await calling.text(process_handlers.pid) == pid


async def test_it_is_raised_once_and_work_that_finishes_anyway_wins(calling: Calling) -> None:
    task, _ = await calling.begin(process_handlers.finish_anyway)
    task.cancel()
    assert await outcome_of(task) == "not raised again, refused"


async def test_cancelling_twice_changes_nothing(calling: Calling) -> None:
    task, _ = await calling.begin(process_handlers.finish_anyway)
    for _ in range(20):
        task.cancel()
        await asyncio.sleep(0.005)
    assert await outcome_of(task) == "not raised again, refused"


async def test_clean_up_that_fails_is_the_outcome(calling: Calling) -> None:
    task, _ = await calling.begin(process_handlers.fail_to_clean_up)
    task.cancel()
    with pytest.raises(RemoteError, match="ValueError: the disk is full"):
        await task


async def test_what_does_not_stop_is_killed_after_its_grace_with_what_it_started(
    calling: Calling,
) -> None:
    task, written = await calling.begin(process_handlers.never_stop)
    pids = [int(pid) for pid in written.texts[0][1].split()]
    assert all(map(alive, pids))
    began = time.monotonic()
    task.cancel()
    assert await outcome_of(task) == "CancelledError"
    assert time.monotonic() - began >= 0.2
    await until(lambda: not any(map(alive, pids)))
    assert await calling.text(process_handlers.pid) != str(pids[0])


async def test_a_report_that_waits_for_the_store_is_cancelled_after_it(calling: Calling) -> None:
    written = Written()
    written.gate.clear()
    task = asyncio.create_task(calling(process_handlers.report_all_the_time, "on", written))
    await written.came.wait()
    task.cancel()
    assert await calling.text(process_handlers.echo, "meanwhile") == "meanwhile"
    assert not task.done()
    written.gate.set()
    assert await outcome_of(task) == "OperationCancelled"
    assert len(written.texts) == 1


async def test_a_report_that_finds_the_operation_cancelled_raises(calling: Calling) -> None:
    written = Written()
    task = asyncio.create_task(calling(process_handlers.report_all_the_time, "on", written))
    await written.came.wait()
    written.stop.set()
    assert await outcome_of(task) == "OperationCancelled"


async def test_a_cancellation_at_any_moment_breaks_nothing(calling: Calling) -> None:
    """Calls take some 100 microseconds; each is cancelled a little later than the one before."""
    pid = await calling.text(process_handlers.pid)
    outcomes = set()
    for number in range(600):
        written = Written()
        handler = process_handlers.write if number % 2 else process_handlers.echo
        task = asyncio.create_task(calling(handler, "x", written))
        until = time.perf_counter() + number * 1e-6
        await asyncio.sleep(0)
        while time.perf_counter() < until:
            await asyncio.sleep(0)
        task.cancel()
        outcomes.add(await outcome_of(task))
    assert outcomes <= {"x", "written", "OperationCancelled", "CancelledError"}
    assert "OperationCancelled" in outcomes
    assert await calling.text(process_handlers.echo, "still there") == "still there"
    assert await calling.text(process_handlers.pid) == pid


async def test_a_call_that_waits_for_a_process_is_cancelled_at_once(calling: Calling) -> None:
    task = asyncio.create_task(calling(process_handlers.echo, "never"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    assert await outcome_of(task) == "CancelledError"
    assert await calling.text(process_handlers.echo, "next") == "next"


async def test_signals_from_elsewhere_are_not_for_the_handler(calling: Calling) -> None:
    assert await calling.text(process_handlers.outside_signals) == "goes on, False"
