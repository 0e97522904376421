"""One process of a fleet, as the parent sees it."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from typing import Any

from longrunning import child_process
from longrunning.serving.fleet.membership import Failed
from longrunning.serving.server import Addresses

_log = logging.getLogger(__name__)

_SPAWN = multiprocessing.get_context("spawn")


class Member:
    """Starts a process, and knows whether it serves, until it has ended.

    It is of one event loop, and its methods are called there.

    Args:
        target: what the process does: a function of a module, called with its end of the connection
            and the arguments.
        arguments: are pickled.
        ready: called once with where it serves, when it does.

    Raises:
        OSError: the system has no room for another process.

    Attributes:
        serves: whether it serves.
        has_served: whether it does, or did before it ended.
        failure: why it could not, in one line, if it said so.
    """

    def __init__(
        self,
        target: Callable[..., None],
        arguments: tuple[Any, ...],
        *,
        ready: Callable[[Addresses], None],
    ) -> None:
        self.serves = self.has_served = False
        self.failure = ""
        self._ready = ready
        self._gone = asyncio.Event()
        self._connection, there = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=target, args=(there, *arguments), daemon=False)
        try:
            with there:
                child_process.start(self._process)
        except BaseException:
            self._connection.close()
            raise
        loop = asyncio.get_running_loop()
        loop.add_reader(self._connection.fileno(), self._read)
        # The end of the connection is not the end of the process, nor does it come with that while
        # something that the app has forked holds the other side.
        self._handle: int | None = None
        with contextlib.suppress(OSError):  # Linux before 5.3 has none
            self._handle = os.pidfd_open(self.pid)
            loop.add_reader(self._handle, self._end)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def ended_well(self) -> bool:
        """Whether it has ended as it was told to."""
        return self._process.exitcode == 0

    @property
    def ending(self) -> str:
        """How it ended."""
        code = self._process.exitcode
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def stop(self) -> None:
        """Tells it to stop; it does so when it serves, if it does not yet."""
        with contextlib.suppress(OSError):  # it has ended, or is about to
            self._connection.send(None)

    async def wait(self) -> None:
        """Returns once it has ended, and is no child any more."""
        await self._gone.wait()
        # Threads of the app's may hold it up, and must not hold up this process.
        await asyncio.to_thread(self._process.join)

    def _read(self) -> None:
        try:
            message = self._connection.recv()
        except (EOFError, OSError):
            self._disconnect()
            if self._handle is None:
                self._gone.set()
            return
        match message:
            case Addresses():
                self.serves = self.has_served = True
                self._ready(message)
            case Failed(why):
                self.failure = why

    def _disconnect(self) -> None:
        if not self._connection.closed:
            asyncio.get_running_loop().remove_reader(self._connection.fileno())
            self._connection.close()
        self.serves = False

    def _end(self) -> None:
        """Notes that it has ended, and ends what it has forked: that would listen at our ports."""
        assert self._handle is not None
        asyncio.get_running_loop().remove_reader(self._handle)
        os.close(self._handle)
        while not self._connection.closed and self._connection.poll():
            self._read()  # what it has said last
        self._disconnect()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # it has not been waited for: the number is its own
        self._gone.set()
