"""The event loop of a serving process."""

import asyncio
import signal
import subprocess
import sys

import pytest

from longrunning import serving

SHOW = """
import asyncio, sys
{before}
from longrunning import serving

async def show():
    print(type(asyncio.get_running_loop()).__module__)

serving.run(show())
"""


SIGNALLED = """
import asyncio, os, signal, sys, time
{before}
from longrunning import serving
from longrunning.serving.process import stop_signal

async def show():
    stop = stop_signal()
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    os.kill(os.getpid(), signal.SIGTERM)  # at once, but who is busy hears of it late
    time.sleep(0.5)
    await asyncio.sleep(1)
    print("once", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(30)

serving.run(show())
"""


@pytest.mark.parametrize("before", ["", "sys.modules['uvloop'] = None"], ids=["uvloop", "asyncio"])
def test_signals_that_come_together_are_one_however_busy_the_process_is(before: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SIGNALLED.format(before=before)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (128 + signal.SIGTERM, "once\n"), ran.stderr


def test_a_process_runs_on_uvloop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def work() -> None:
        loops.append(asyncio.get_running_loop())

    serving.run(work())
    assert [type(loop).__module__ for loop in loops] == ["uvloop"]
    assert loops[0].is_closed()


def test_it_runs_on_asyncios_own_loop_where_uvloop_is_not_installed() -> None:
    script = SHOW.format(before="sys.modules['uvloop'] = None")
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout == "asyncio.unix_events\n"
