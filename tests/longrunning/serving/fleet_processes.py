"""What the processes of a fleet do in tests: they serve nothing, but say that they do."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from longrunning.serving import Addresses, DoorAddress
from longrunning.serving.fleet import Membership
from longrunning.serving.process import stop_signal

DOOR = DoorAddress(service="", grpc="127.0.0.1:5", http="127.0.0.1:6")
ADDRESSES = Addresses(doors=(DOOR,), http_by_host=None, store="sqlite:///o.db")


async def serve(member: Membership, is_over: Callable[[], bool]) -> None:
    """Serves until it is told to stop, or until it is over."""
    stop = stop_signal(member.stop)
    member.ready(ADDRESSES)
    while not stop.is_set() and not is_over():
        await asyncio.sleep(0.01)


def run(connection: Connection, folder: str, number: int) -> None:
    """Does what the file `plan-NUMBER` says, whose first line each process takes away.

    `serve` serves until the file `end-NUMBER` is there, `fail` says why it cannot, and `die` dies
    without a word; `break` serves until it is told to stop, and ends badly; `fork` is killed, and
    leaves something behind that has all that it had. Without a line, it serves until it is told to
    stop.
    """
    member = Membership(connection)
    plan = Path(folder, f"plan-{number}")
    step, _, rest = plan.read_text().partition("\n") if plan.exists() else ("", "", "")
    plan.write_text(rest)
    if step == "die":
        sys.exit(3)
    if step == "fail":
        member.failed("it is the wrong day")
        sys.exit(2)
    if step == "fork":
        asyncio.run(serve(member, lambda: True))
        if forked := os.fork():
            Path(folder, "forked").write_text(str(forked))
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
        os._exit(0)
    end = Path(folder, f"end-{number}")
    asyncio.run(serve(member, end.exists if step == "serve" else lambda: False))
    if step == "break":
        sys.exit(4)
