"""A process that must not outlive the one that started it."""

import fcntl
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys


def die_with_parent(owner: int) -> None:
    """Has Linux kill this process when the one that started it is gone, whatever either is doing.

    Elsewhere, and in a process that `multiprocessing` did not start, it does nothing.

    Args:
        owner: who is killed: this process, or its group, by the number with a minus before it.
    """
    parent = multiprocessing.parent_process()
    if sys.platform != "linux" or parent is None:
        return
    # A pipe that nobody writes: its one event is that the parent does not hold it any more.
    pipe = parent.sentinel
    fcntl.fcntl(pipe, fcntl.F_SETOWN, owner)
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    if multiprocessing.connection.wait([pipe], timeout=0):  # it was gone before
        os.kill(owner, signal.SIGKILL)
