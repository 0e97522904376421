"""How many processes there are, and what is left of them."""

import asyncio
import os
import signal
import socket

import pytest
import uvloop

from longrunning.engines.outcome import WorkerDied
from longrunning.engines.processes import ProcessPool
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import (
    WAIT,
    Calling,
    Written,
    children,
    descriptors,
    outcome_of,
    until,
)


async def test_a_process_is_used_again_while_it_is_warm(calling: Calling) -> None:
    assert len({await calling.text(process_handlers.pid) for _ in range(20)}) == 1


async def test_nothing_starts_before_it_is_asked_for() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    assert children() <= before
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
    assert children() - before == warm
    await pool.close()
    assert children() <= before


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
    assert children() <= before
    with pytest.raises(WorkerDied, match="there are no processes any more"):
        await Calling(pool)(process_handlers.echo, "no")
    await pool.close()


async def test_closing_while_processes_start_leaves_none() -> None:
    before = children()
    pool = ProcessPool(spare=2)
    pool.start()
    await pool.close()
    assert children() <= before
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_processes_that_end_leave_no_descriptor_open() -> None:
    pool = ProcessPool(spare=1)
    await Calling(pool)(process_handlers.echo)
    await pool.close()
    before = set(descriptors())
    pool = ProcessPool(spare=1)
    for _ in range(3):
        with pytest.raises(WorkerDied):
            await Calling(pool)(process_handlers.die, "exit")
    await pool.close()
    assert set(descriptors()) <= before  # earlier tests' connections may close only now


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
    assert children() <= before


async def test_a_process_holds_no_socket_of_the_server(calling: Calling) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        inode = os.fstat(listening.fileno()).st_ino
        held = await calling.text(process_handlers.descriptors)
    assert f"socket:[{inode}]" not in held
    assert held.count("socket:") == 1
