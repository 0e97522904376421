"""Handlers in processes: outcomes, writes, cancellation, death, and what is left afterwards."""

import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import uvloop
from google.protobuf import any_pb2
from google.rpc import code_pb2

from longrunning import InProcessEngine, MemoryStore, Operations
from longrunning.engines.assignment import Assignment
from longrunning.engines.context import OperationCancelled
from longrunning.engines.outcome import WorkerDied
from longrunning.engines.processes import ProcessPool
from longrunning.engines.progress import Progress
from longrunning.engines.remote_error import RemoteError
from longrunning.errors import OperationsError, OperationTooLarge
from longrunning.handlers import Handler
from tests.longrunning.engines import broken_handlers, process_handlers
from tests.longrunning.engines.process_handlers import TEXT

SERVER = Path(__file__).parents[3] / "server"
WAIT = 30.0


class Written:
    """Takes what a handler writes, in place of a store."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.texts: list[tuple[str, str]] = []
        self.came = asyncio.Event()
        self.refusal: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def report(self, message: any_pb2.Any) -> None:
        await self._take("report", message)

    async def checkpoint(self, message: any_pb2.Any) -> None:
        await self._take("checkpoint", message)

    async def _take(self, kind: str, message: any_pb2.Any) -> None:
        text = TEXT()
        assert message.Unpack(text)
        self.texts.append((kind, text.value))
        self.came.set()
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal


def assignment(request: Any = "", **options: Any) -> Assignment:
    if isinstance(request, str):
        request = TEXT(value=request)
    given = {"name": "operations/1", "parent": "", "attempt": 1, "deadline": None}
    return Assignment(request=request, **(given | {"last_checkpoint": None} | options))


class Calling:
    """One pool, and the calls that a test makes in it."""

    def __init__(self, pool: ProcessPool) -> None:
        self.pool = pool

    async def __call__(
        self, handler: Handler[Any, Any], request: Any = "", written: Written | None = None
    ) -> Any:
        written = written or Written()
        work = assignment(request)
        async with asyncio.timeout(WAIT):
            return await self.pool.call(handler, work, cast(Progress, written))

    async def text(
        self, handler: Handler[Any, Any], request: str = "", written: Written | None = None
    ) -> str:
        result = await self(handler, request, written)
        assert isinstance(result, TEXT)
        return result.value

    async def begin(
        self, handler: Handler[Any, Any], request: str = ""
    ) -> tuple[asyncio.Task[Any], Written]:
        """Returns a call that has reported, or whose process has ended."""
        written = Written()
        task = asyncio.create_task(
            self.pool.call(handler, assignment(request), cast(Progress, written))
        )
        async with asyncio.timeout(WAIT):
            await written.came.wait()
        return task, written


def state_of(pid: int) -> tuple[str, int] | None:
    """Returns a process's state and its parent; Z is for one that was not reaped."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return state, int(parent)


def alive(pid: int) -> bool:
    state = state_of(pid)
    return state is not None and state[0] != "Z"


def children() -> set[int]:
    """Returns the processes below this one, the unreaped ones among them."""
    multiprocessing.resource_tracker.ensure_running()  # one for good, whoever starts it
    pids = {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    return {pid for pid in pids if (state := state_of(pid)) and state[1] == os.getpid()}


def descriptors() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
async def calling() -> AsyncIterator[Calling]:
    before = children()
    pool = ProcessPool(spare=1)
    yield Calling(pool)
    await pool.close()
    assert children() <= before


async def outcome_of(task: Awaitable[Any]) -> str:
    try:
        async with asyncio.timeout(WAIT):
            result = await task
    except asyncio.CancelledError:
        return "CancelledError"
    except Exception as error:
        return type(error).__name__
    assert isinstance(result, TEXT)
    return result.value


# Outcomes


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
            "LookupError: tests.longrunning.engines.process_handlers.plain is a function in "
            "another process, and no handler: decorate it where it is defined",
        ),
        (
            "missing",
            "LookupError: the module tests.longrunning.engines.process_handlers has no missing "
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


# What it raises


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
    assert "process_handlers.py" in logged
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


# What it writes


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


# Cancellation


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


# Death


@pytest.mark.parametrize(
    ("way", "ending"),
    [
        ("exit", "ended with exit code 3"),
        ("segfault", "was killed by SIGSEGV"),
        ("report", "ended with exit code 4"),
    ],
)
async def test_a_process_that_dies_is_told_of_and_replaced(
    calling: Calling, way: str, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = children()
    with pytest.raises(WorkerDied, match=ending):
        await calling(process_handlers.die, way)
    assert children() == before | {process.pid for process in calling.pool._processes}
    assert f"the process of operations/1 {ending}" in caplog.text
    assert await calling.text(process_handlers.echo, "again") == "again"


async def test_a_death_is_noticed_though_the_handler_has_forked(calling: Calling) -> None:
    with pytest.raises(WorkerDied, match="ended with exit code 5"):
        await calling(process_handlers.die_after_forking)


async def test_a_process_that_is_killed_in_mid_work_is_noticed_at_once(calling: Calling) -> None:
    pid = int(await calling.text(process_handlers.pid))
    task, _ = await calling.begin(process_handlers.report_all_the_time)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(WorkerDied, match="was killed by SIGKILL"):
        await task


async def test_an_idle_process_that_dies_harms_nothing(calling: Calling) -> None:
    pid = int(await calling.text(process_handlers.pid))
    os.kill(pid, signal.SIGKILL)
    await until(lambda: not calling.pool._processes)
    assert await calling.text(process_handlers.pid) != str(pid)


PARENT = """
import asyncio, os, signal, sys, threading
from tests.longrunning.engines import process_handlers
from tests.longrunning.engines.test_processes import ProcessPool, Written, assignment

async def main():
    pool, written = ProcessPool(spare=1), Written()
    handler = getattr(process_handlers, sys.argv[1])
    request = assignment(sys.argv[2] if len(sys.argv) > 2 else "")
    work = asyncio.create_task(pool.call(handler, request, written))
    await written.came.wait()
    print(*[process.pid for process in pool._processes], written.texts[0][1], flush=True)
    await work

if __name__ == "__main__":
    asyncio.run(main())
"""


def script(tmp_path: Path, text: str, *arguments: str) -> "subprocess.Popen[str]":
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    return subprocess.Popen(
        [sys.executable, str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{SERVER}:{SERVER.parent}"},
    )


async def test_no_process_outlives_its_server(tmp_path: Path) -> None:
    with script(tmp_path, PARENT, "never_stop") as server:
        assert server.stdout
        line = await asyncio.to_thread(server.stdout.readline)
        pids = [int(pid) for pid in line.split()]
        assert len(pids) == 3
        assert all(map(alive, pids))
        server.kill()
        began = time.monotonic()
        await until(lambda: not any(map(alive, pids)))
        assert time.monotonic() - began < 1.0


async def test_no_process_outlives_its_server_while_a_library_computes(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux signals the end of a pipe")
    with script(tmp_path, PARENT, "compute_without_a_break") as server:
        assert server.stdout
        pid = int((await asyncio.to_thread(server.stdout.readline)).split()[0])
        server.kill()
        began = time.monotonic()
        await until(lambda: not alive(pid))
        assert time.monotonic() - began < 1.0


async def test_a_server_that_ends_without_closing_its_pool_does_not_hang(tmp_path: Path) -> None:
    text = """
        import asyncio
        from tests.longrunning.engines import process_handlers
        from tests.longrunning.engines.test_processes import ProcessPool, Written, assignment

        async def main():
            global pool
            pool = ProcessPool(spare=2)
            print((await pool.call(process_handlers.pid, assignment(), Written())).value)

        if __name__ == "__main__":
            asyncio.run(main())
    """
    with script(tmp_path, text) as server:
        said, _ = await asyncio.to_thread(server.communicate, timeout=WAIT)
        assert server.returncode == 0, said
        assert not alive(int(said.split()[0]))


async def test_a_handler_of_the_main_module_is_found(tmp_path: Path) -> None:
    text = """
        import asyncio
        from longrunning.errors import Aborted
        from tests.longrunning.engines.process_handlers import process
        from tests.longrunning.engines.test_processes import ProcessPool, Written, assignment

        class Ours(Aborted): ...

        @process()
        def handler(request, operation):
            if not request.value:
                raise Ours("is known here", reason="R")
            return request

        async def main():
            pool = ProcessPool(spare=1)
            print((await pool.call(handler, assignment("in main"), Written())).value)
            try:
                await pool.call(handler, assignment(), Written())
            except Ours as error:
                print(error)
            await pool.close()

        if __name__ == "__main__":
            asyncio.run(main())
    """
    with script(tmp_path, text) as server:
        said, _ = await asyncio.to_thread(server.communicate, timeout=WAIT)
    assert said == "in main\nis known here\n"


async def test_a_main_module_that_serves_when_imported_is_told_of(tmp_path: Path) -> None:
    text = """
        import asyncio
        from tests.longrunning.engines import process_handlers
        from tests.longrunning.engines.test_processes import ProcessPool, Written, assignment

        async def main():
            pool = ProcessPool(spare=1)
            try:
                await pool.call(process_handlers.echo, assignment(), Written())
            finally:
                await pool.close()

        asyncio.run(main())
    """
    with script(tmp_path, text) as server:
        said, _ = await asyncio.to_thread(server.communicate, timeout=WAIT)
    assert server.returncode == 1
    assert "ended with exit code 1 before it was ready: its stderr says why." in said


# Processes, and how many


async def test_a_process_is_used_again_while_it_is_warm(calling: Calling) -> None:
    assert len({await calling.text(process_handlers.pid) for _ in range(20)}) == 1


async def test_nothing_starts_before_it_is_asked_for() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    assert children() == before
    await pool.close()


async def test_spare_processes_are_started_ahead_and_kept() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    pool.start()
    await until(lambda: len(pool._idle) == 2)
    warm = {process.pid for process, _ in pool._idle}
    calling = Calling(pool)
    assert int(await calling.text(process_handlers.pid)) in warm
    assert {process.pid for process, _ in pool._idle} == warm
    assert children() == before | warm
    await pool.close()
    assert children() == before


@pytest.mark.parametrize("spare", [0, 1])
async def test_processes_that_are_not_needed_any_more_end(spare: int) -> None:
    pool = ProcessPool(spare=spare, linger_seconds=0.1)
    calling = Calling(pool)
    tasks = [(await calling.begin(process_handlers.finish_anyway))[0] for _ in range(3)]
    assert len(pool._processes) == 3
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await until(lambda: len(pool._processes) == spare)
    assert len(pool._idle) == spare
    await pool.close()


async def test_many_calls_share_a_few_processes(calling: Calling) -> None:
    room = asyncio.Semaphore(4)

    async def one(number: int) -> tuple[str, str]:
        async with room:
            pid = await calling.text(process_handlers.pid)
            return pid, await calling.text(process_handlers.echo, str(number))

    results = await asyncio.gather(*map(one, range(100)))
    assert [said for _, said in results] == [str(number) for number in range(100)]
    assert 1 <= len({pid for pid, _ in results}) <= 4


async def test_closing_ends_what_runs_at_once() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    task, _ = await Calling(pool).begin(process_handlers.never_stop)
    waiting = asyncio.create_task(Calling(pool)(process_handlers.echo, "no"))
    await asyncio.sleep(0)
    async with asyncio.timeout(WAIT):
        await pool.close()
    assert await outcome_of(task) == "WorkerDied"
    assert await outcome_of(waiting) == "WorkerDied"
    assert children() == before
    with pytest.raises(WorkerDied, match="there are no processes any more"):
        await Calling(pool)(process_handlers.echo, "no")
    await pool.close()


async def test_closing_while_processes_start_leaves_none() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    pool.start()
    await pool.close()
    assert children() == before
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_processes_that_end_leave_no_descriptor_open() -> None:
    pool = ProcessPool(spare=1)
    await Calling(pool)(process_handlers.echo)
    await pool.close()
    before = descriptors()
    pool = ProcessPool(spare=1)
    for _ in range(3):
        with pytest.raises(WorkerDied):
            await Calling(pool)(process_handlers.die, "exit")
    await pool.close()
    assert descriptors() == before


async def test_the_loop_turns_while_a_process_starts() -> None:
    pool = ProcessPool(spare=1)
    task = asyncio.create_task(Calling(pool).text(process_handlers.echo, "x"))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await pool.close()
    assert turns > 100


def test_it_runs_on_uvloop_as_well() -> None:
    async def run() -> tuple[list[str], int]:
        pool = ProcessPool(spare=1)
        calling, written = Calling(pool), Written()
        said = [await calling.text(process_handlers.write, written=written)]
        task, _ = await calling.begin(process_handlers.finish_anyway)
        task.cancel()
        said.append(await outcome_of(task))
        task, _ = await calling.begin(process_handlers.report_all_the_time)
        os.kill(next(iter(pool._processes)).pid, signal.SIGKILL)
        said.append(await outcome_of(task))
        await pool.close()
        return said, len(pool._processes)

    before = children()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()) == (["written", "not raised again, refused", "WorkerDied"], 0)
    assert children() == before


async def test_a_process_holds_no_socket_of_the_server(calling: Calling) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        inode = os.fstat(listening.fileno()).st_ino
        held = await calling.text(process_handlers.descriptors)
    assert f"socket:[{inode}]" not in held
    assert held.count("socket:") == 1


# Through the engine


@pytest.fixture
async def operations() -> AsyncIterator[Operations]:
    before = children()
    operations = Operations(MemoryStore(), engine=InProcessEngine(sweep_seconds=0.02), drain=0.0)
    for handler in process_handlers.handlers:
        operations._handlers.add(handler)
    async with operations:
        yield operations
    assert children() == before


async def test_the_engine_runs_a_handler_in_a_process(operations: Operations) -> None:
    started = await operations.start(process_handlers.write, TEXT(value="x"))
    done = await operations.wait(started.name, WAIT)
    metadata, response = TEXT(), TEXT()
    assert done.metadata.Unpack(metadata)
    assert done.response.Unpack(response)
    assert (metadata.value, response.value) == ("reported", "written")


async def test_an_operation_in_a_process_is_cancelled(
    operations: Operations, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence"
    started = await operations.start(process_handlers.occupied, TEXT(value=f"sleep {evidence}"))
    await until(lambda: evidence.exists() and evidence.read_text() == "begun\n")
    await operations.cancel(started.name)
    done = await operations.wait(started.name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    assert evidence.read_text() == "begun\ncleaned up True\n"


async def test_an_operation_whose_process_dies_has_lost_its_worker(
    operations: Operations,
) -> None:
    started = await operations.start(process_handlers.die, TEXT(value="segfault"))
    done = await operations.wait(started.name, WAIT)
    assert done.error.code == code_pb2.ABORTED
    assert done.error.message == "The worker of the operation was lost before it finished."


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        ("ours", code_pb2.ABORTED, "Locked by me."),
        ("mapped", code_pb2.RESOURCE_EXHAUSTED, "No paper left."),
        (
            "foreign",
            code_pb2.INTERNAL,
            "The operation failed for a reason inside the service.",
        ),
    ],
)
async def test_what_a_handler_raises_in_its_process_ends_the_operation(
    operations: Operations, raised: str, code: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    started = await operations.start(process_handlers.fail, TEXT(value=raised))
    done = await operations.wait(started.name, WAIT)
    assert (done.error.code, done.error.message) == (code, message)
    assert ("ValueError: secret password" in caplog.text) == (raised == "foreign")
    assert b"secret" not in done.SerializeToString()


async def test_a_server_that_stops_interrupts_its_processes(tmp_path: Path) -> None:
    before = children()
    operations = Operations(MemoryStore(), engine=InProcessEngine(sweep_seconds=0.02), drain=0.0)
    for handler in process_handlers.handlers:
        operations._handlers.add(handler)
    evidence = tmp_path / "evidence"
    async with operations:
        await operations.start(process_handlers.occupied, TEXT(value=f"spin {evidence}"))
        await until(lambda: evidence.exists() and evidence.read_text() == "begun\n")
    assert evidence.read_text() == "begun\ncleaned up True\n"
    assert children() == before
