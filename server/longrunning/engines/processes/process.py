"""One worker process, as the server sees it."""

import asyncio
import atexit
import contextlib
import logging
import multiprocessing
import os
import pickle
import signal
import socket
from collections.abc import Callable
from typing import Any, cast

from google.protobuf import any_pb2

from longrunning import child_process
from longrunning.engines.assignment import Assignment
from longrunning.engines.context import OperationCancelled
from longrunning.engines.outcome import WorkerDied
from longrunning.engines.processes import child
from longrunning.engines.processes.messages import (
    Call,
    Cancel,
    Frames,
    Outcome,
    Raised,
    Ready,
    Returned,
    Stopped,
    Write,
    Written,
    frame,
    seal,
    unseal,
)
from longrunning.engines.progress import Progress
from longrunning.engines.remote_error import RemoteError
from longrunning.errors import Internal, OperationsError
from longrunning.handlers import Handler

_log = logging.getLogger(__name__)

_SPAWN = multiprocessing.get_context("spawn")
_UNWRITTEN = Internal("A report could not be written.", reason="REPORT_FAILED")


class WorkerProcess(asyncio.Protocol):
    """Starts a process and calls handlers in it, one at a time.

    It is of one event loop, and its methods are called there.

    Args:
        lost: called once it has ended, whatever the reason, and is no child any more.
    """

    def __init__(self, lost: Callable[["WorkerProcess"], None]) -> None:
        loop = asyncio.get_running_loop()
        self._lost = lost
        self._ready: asyncio.Future[None] = loop.create_future()
        self._ended = asyncio.Event()
        self._ending = ""
        self._frames = Frames()
        self._transport: asyncio.WriteTransport | None = None
        self._number = 0
        self._answer: asyncio.Future[Outcome] | None = None
        self._progress: Progress | None = None
        self._writes: set[asyncio.Task[None]] = set()
        self._connection, there = socket.socketpair()
        self._process = _SPAWN.Process(
            target=child.main, args=(there,), name="longrunning", daemon=False
        )
        try:
            with there:
                child_process.start(self._process)
        except BaseException:
            self._connection.close()
            raise
        # multiprocessing waits for its children before the interpreter ends; these wait for us.
        atexit.register(self.kill)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it is alive, as far as is known here."""
        return not self._ending and not self._ended.is_set()

    async def start(self) -> None:
        """Returns once it can be called.

        Raises:
            RuntimeError: it ended before.
        """
        loop = asyncio.get_running_loop()
        self._connection.setblocking(False)
        try:
            await loop.create_unix_connection(lambda: self, sock=self._connection)
            await self._ready
        except asyncio.CancelledError:
            self.kill()
            if self._transport is None:
                self._connection.close()
                self.connection_lost(None)
            raise

    async def call(
        self, handler: Handler[Any, Any], assignment: Assignment, progress: Progress
    ) -> object:
        """Returns what a handler returns; see `ProcessPool.call`."""
        loop = asyncio.get_running_loop()
        self._number += 1
        self._progress = progress
        answer = self._answer = loop.create_future()
        killing: asyncio.TimerHandle | None = None
        last = assignment.last_checkpoint
        self._send(
            Call(
                number=self._number,
                module=handler.function.__module__,
                qualname=handler.function.__qualname__,
                name=assignment.name,
                parent=assignment.parent,
                request=seal(assignment.request),
                attempt=assignment.attempt,
                deadline=assignment.deadline,
                last_checkpoint=None if last is None else seal(last),
                trace=assignment.trace,
            )
        )
        while not answer.done():
            try:
                await asyncio.wait([answer])
            except asyncio.CancelledError:
                if killing is None:
                    self._send(Cancel(self._number))
                    killing = loop.call_later(handler.grace, self.kill)
        self._answer = self._progress = None
        if killing:
            killing.cancel()
        for write in self._writes:  # by a thread that the handler left behind
            write.cancel()
        try:
            return _result(answer.result())
        except WorkerDied as error:
            _log.warning("the process of %s %s", assignment.name, self._ending)
            if killing:
                raise asyncio.CancelledError from error
            raise

    def kill(self) -> None:
        """Ends it at once, and with it what its handlers have started."""
        if self._ended.is_set():
            return
        self._ending = self._ending or "was killed by the server"
        for kill in (os.killpg, os.kill):  # it may not have come to having a group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)

    async def wait(self) -> None:
        """Returns once it has ended, and is no child any more."""
        await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to listen to the process."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own is no subclass

    def data_received(self, data: bytes) -> None:
        """Takes what the process says."""
        for message in self._frames.feed(data):
            self._take(message)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Reaps the process, which has ended or is unreachable."""
        if self._ended.is_set():
            return
        killed = self._ending
        self.kill()
        # Nothing to wait for: it let go of its end, so it is past whatever takes time in ending.
        self._process.join()
        atexit.unregister(self.kill)
        self._ending = killed or _ending(self._process.exitcode)
        with contextlib.suppress(ValueError):  # somebody else has reaped it, so it seems to run
            self._process.close()
        self._ended.set()
        if not self._ready.done():
            self._ready.set_exception(
                RuntimeError(
                    f"a process for handlers {self._ending} before it was ready: its stderr says "
                    "why. Does the main module start the server when it is merely imported? "
                    "It must ask for __name__ == '__main__' first"
                )
            )
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied(f"the process {self._ending}"))
        self._lost(self)

    def _send(self, message: object) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(message))

    def _take(self, message: object) -> None:
        match message:
            case Ready():
                if not self._ready.done():
                    self._ready.set_result(None)
            case Write(number) if self._answer is not None and number == self._number:
                assert self._progress is not None
                task = asyncio.get_running_loop().create_task(self._write(message, self._progress))
                self._writes.add(task)
                task.add_done_callback(self._writes.discard)
            case Returned() | Stopped() | Raised():
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(message)

    async def _write(self, write: Write, progress: Progress) -> None:
        error: OperationsError | None = None
        writes = {"report": progress.report, "checkpoint": progress.checkpoint}
        try:
            await writes[write.kind](any_pb2.Any.FromString(write.message))
        except OperationsError as refused:
            error = refused
        except Exception:
            _log.exception("a %s was lost", write.kind)
            error = _UNWRITTEN
        if progress.stop.is_set():
            self._send(Cancel(write.number))  # what it writes for is over: it hears that first
        self._send(Written(write.number, None if error is None else pickle.dumps(error)))


def _result(outcome: Outcome) -> object:
    match outcome:
        case Returned(response):
            return None if response is None else unseal(response)
        case Stopped():
            raise OperationCancelled
        case Raised(shown, text):
            raise _shown(shown, text) or RemoteError(text)


def _shown(pickled: bytes | None, text: str) -> OperationsError | None:
    """Returns the error that the handler shows, unless only its own process has the class."""
    if pickled is None:
        return None
    try:
        error = pickle.loads(pickled)  # noqa: S301 - our own process made it
    except Exception as unreadable:
        _log.warning("an error of a handler's process is not known here: %r", unreadable)
        return None
    assert isinstance(error, OperationsError)
    error.__cause__ = RemoteError(text)
    return error


def _ending(exitcode: int | None) -> str:
    """Says how a process ended."""
    if exitcode is not None and exitcode < 0:
        try:
            return f"was killed by {signal.Signals(-exitcode).name}"
        except ValueError:
            return f"was killed by signal {-exitcode}"
    return f"ended with exit code {exitcode}"
