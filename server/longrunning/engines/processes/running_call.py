"""One call of a handler, inside of the process that runs it."""

import asyncio
import contextlib
import pickle
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Literal

from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message

from longrunning.engines.assignment import Assignment
from longrunning.engines.context import OperationCancelled, SyncOperationContext
from longrunning.engines.outcome import shown
from longrunning.engines.processes.finding import find
from longrunning.engines.processes.messages import (
    Call,
    Outcome,
    Raised,
    Returned,
    Stopped,
    Write,
    Written,
    seal,
    unseal,
)
from longrunning.handlers import Handler


class RunningCall:
    """Runs a handler's function once, and lets it be interrupted.

    An interruption raises `OperationCancelled` in the main thread, once, and only while the
    function runs: not while a module is imported, nor while the pipe is written or read. What
    comes then is noticed at the end of that.

    Args:
        call: what to do.
        send: writes a message to the server.
    """

    def __init__(self, call: Call, send: Callable[[object], None]) -> None:
        self.number = call.number
        self._call = call
        self._send = send
        self._stop = threading.Event()
        self._exposed = False
        self._over = False
        self._writing = threading.Lock()
        self._written: queue.SimpleQueue[Written | None] = queue.SimpleQueue()

    def run(self) -> Outcome:
        """Returns what came of the function; whatever it raises is one of the outcomes."""
        handler: Handler[Any, Any] | None = None
        try:
            handler = find(self._call.module, self._call.qualname)
            return Returned(_sealed_response(handler, self._run_function(handler)))
        except (OperationCancelled, asyncio.CancelledError):
            return Stopped()
        except BaseException as error:
            return _raised(handler, error)
        finally:
            # Threads that the handler left behind are not to write for the next call.
            self._over = True
            self._written.put(None)
            _flush()

    def interrupt(self) -> None:
        """Takes note that the work is to stop, in the main thread, between any two instructions.

        Raises:
            OperationCancelled: the function is running.
        """
        if not self._stop.is_set():
            self._stop.set()
            if self._exposed:
                self._exposed = False
                raise OperationCancelled(self._call.name)

    def acknowledge(self, written: Written) -> None:
        """Hands the server's answer to the thread that waits for it."""
        self._written.put(written)

    def _run_function(self, handler: Handler[Any, Any]) -> object:
        call = self._call
        assignment = Assignment(
            name=call.name,
            parent=call.parent,
            request=unseal(call.request),
            attempt=call.attempt,
            deadline=call.deadline,
            last_checkpoint=None if call.last_checkpoint is None else unseal(call.last_checkpoint),
            trace=call.trace,
        )
        context = SyncOperationContext(assignment, handler, self._stop, self._write)
        try:
            self._exposed = True
            if self._stop.is_set():
                raise OperationCancelled(call.name)
            return handler.function(assignment.request, context)
        finally:
            self._exposed = False

    def _write(self, kind: Literal["report", "checkpoint"], message: any_pb2.Any) -> None:
        main = threading.current_thread() is threading.main_thread()
        exposed = self._exposed
        if main:
            self._exposed = False
        try:
            self._write_undisturbed(Write(self.number, kind, message.SerializeToString()))
        finally:
            if main:
                # The context looks next whether an interruption came in between.
                self._exposed = exposed

    def _write_undisturbed(self, write: Write) -> None:
        with self._writing:
            written = None
            if not self._over:
                self._send(write)
                written = self._written.get()
            if written is None:
                raise RuntimeError(f"a {write.kind} came after the handler's return")
        if written.error is not None:
            raise pickle.loads(written.error)  # noqa: S301 - the server's


def _sealed_response(handler: Handler[Any, Any], response: object) -> bytes | None:
    if response is None and handler.response is empty_pb2.Empty:
        return None
    handler.check_response(response)
    assert isinstance(response, Message)
    return seal(response)


def _raised(handler: Handler[Any, Any] | None, error: BaseException) -> Raised:
    told = None
    try:
        if handler is not None and isinstance(error, Exception):
            told = shown(handler, error)
        pickled = None if told is None else pickle.dumps(told)
    except Exception as failed:  # the handler's mapping, or an error that cannot cross
        error, pickled = failed, None
    return Raised(pickled, "".join(traceback.format_exception(error)))


def _flush() -> None:
    """Lets out what the handler printed: the process is killed one day, not left to end."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
