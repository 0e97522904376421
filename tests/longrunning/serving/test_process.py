"""The event loop of a serving process."""

import asyncio
import subprocess
import sys

from longrunning import serving

SHOW = """
import asyncio, sys
{before}
from longrunning import serving

async def show():
    print(type(asyncio.get_running_loop()).__module__)

serving.run(show())
"""


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
