"""The inside of a worker process: it does one call after the other until the server is gone."""

import os
import queue
import signal
import socket
import threading

from longrunning.child_process import die_with_parent, heed_signals
from longrunning.engines.processes.messages import (
    Call,
    Cancel,
    Frames,
    Ready,
    Written,
    frame,
)
from longrunning.engines.processes.running_call import RunningCall

_CHUNK_BYTES = 65536


def main(connection: socket.socket) -> None:
    """Serves the other end of a connection; never returns."""
    # A group of its own: Ctrl-C is the server's to heed, and whatever a handler starts can be
    # killed with it.
    os.setpgid(0, 0)
    # It came here by being inherited. Whatever a handler starts must not have it as well: were it
    # open there, the server would not notice that this process is dead.
    connection.set_inheritable(False)
    # The listening thread ends it too, but not while a library holds Python's lock for long.
    die_with_parent(-os.getpgrp())
    Child(connection).serve()


def _end() -> None:
    """Ends this process and what it started, in the middle of whatever they do.

    The server is gone, and the next attempt may begin at any time.
    """
    os.killpg(0, signal.SIGKILL)


class Child:
    """Calls handlers in the main thread; a second thread listens to the server.

    The server does not signal the process. It says in the pipe which call is to stop, and the
    listening thread signals the main one: a signal that comes from anywhere else (a service
    manager that tells the whole process tree to end) is not for the work to heed, since the
    server may let it finish.

    Args:
        connection: to the server.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._calls: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._running: RunningCall | None = None
        self._cancelled = 0

    def serve(self) -> None:
        """Serves the server until it is gone, which ends this process."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._interrupt)
        heed_signals()
        os.register_at_fork(after_in_child=self._let_go)
        threading.Thread(target=self._listen, name="longrunning", daemon=True).start()
        self._send(Ready())
        while True:
            running = self._running = RunningCall(self._calls.get(), self._send)
            if self._cancelled == running.number:  # before there was anything to interrupt
                running.interrupt()
            outcome = running.run()
            self._running = None
            self._send(outcome)

    def _listen(self) -> None:
        """Takes what the server says, until it says no more."""
        frames = Frames()
        try:
            while data := self._connection.recv(_CHUNK_BYTES):
                for message in frames.feed(data):
                    self._take(message)
        finally:
            _end()

    def _take(self, message: object) -> None:
        match message:
            case Call():
                self._calls.put(message)
            case Cancel(number):
                self._cancelled = number
                main = threading.main_thread().ident
                assert main is not None
                signal.pthread_kill(main, signal.SIGTERM)
            case Written(number):
                if (running := self._running) is not None and running.number == number:
                    running.acknowledge(message)

    def _interrupt(self, _signal: int, _frame: object) -> None:
        running = self._running
        if running is not None and running.number == self._cancelled:
            running.interrupt()

    def _send(self, message: object) -> None:
        data = frame(message)
        with self._sending:
            try:
                self._connection.sendall(data)
            except OSError:
                _end()

    def _let_go(self) -> None:
        """Makes a process that a handler forks an ordinary one, without the connection."""
        self._connection.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
