"""Processes that die, and servers that do."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from longrunning.engines.outcome import WorkerDied
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import (
    WAIT,
    Calling,
    alive,
    children,
    script,
    until,
)


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
    # What was there before may have ended meanwhile: it is of other tests.
    assert children() - before == {process.pid for process in calling.pool._processes}
    assert f"the process of operations/1 {ending}" in caplog.text
    assert await calling.text(process_handlers.echo, "again") == "again"


async def test_a_death_is_noticed_though_the_handler_has_forked(calling: Calling) -> None:
    with pytest.raises(WorkerDied, match="ended with exit code 5"):
        await calling(process_handlers.die_after_forking)


async def test_a_death_is_noticed_though_what_the_handler_started_lives(calling: Calling) -> None:
    with pytest.raises(WorkerDied, match="ended with exit code 6"):
        await calling(process_handlers.die_after_starting_a_command)


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


SOON = 10.0
"""Seconds; what is not ended with its server computes for hours."""

PARENT = """
import asyncio, os, signal, sys, threading
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import ProcessPool, Written, assignment

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
        assert time.monotonic() - began < SOON


# `die_with_parent` does nothing elsewhere; on Linux, and so in CI, it always runs.
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals the end of a pipe")
async def test_no_process_outlives_its_server_while_a_library_computes(tmp_path: Path) -> None:
    with script(tmp_path, PARENT, "compute_without_a_break") as server:
        assert server.stdout
        pid = int((await asyncio.to_thread(server.stdout.readline)).split()[0])
        server.kill()
        began = time.monotonic()
        await until(lambda: not alive(pid))
        assert time.monotonic() - began < SOON


async def test_a_server_that_ends_without_closing_its_pool_does_not_hang(tmp_path: Path) -> None:
    text = """
        import asyncio
        from tests.longrunning.engines.processes import handlers as process_handlers
        from tests.longrunning.engines.processes.calls import ProcessPool, Written, assignment

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
        from tests.longrunning.engines.processes.handlers import process
        from tests.longrunning.engines.processes.calls import ProcessPool, Written, assignment

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
        from tests.longrunning.engines.processes import handlers as process_handlers
        from tests.longrunning.engines.processes.calls import ProcessPool, Written, assignment

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
