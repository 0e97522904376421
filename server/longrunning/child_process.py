"""Child processes of our own: how they are started, and that they do not outlive who did it."""

import fcntl
import multiprocessing
import multiprocessing.connection
import os
import signal
import sys
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

_HELD = frozenset({signal.SIGINT, signal.SIGTERM})


def start(process: BaseProcess) -> None:
    """Starts a process with SIGINT and SIGTERM held back, which it cannot heed yet.

    It lets them through by `heed_signals`.

    Raises:
        OSError: the system has no room for another process.
    """
    # A process inherits what its parent holds back. The tracker comes first, since starting it
    # lets the signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heed_signals() -> None:
    """Lets through what this process was started with held back, in the calling thread."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD)


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
