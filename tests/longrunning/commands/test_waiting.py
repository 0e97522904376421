"""`lro wait`: the end that it tells, its bar, Ctrl-C, and a server that restarts meanwhile."""

import codecs
import json
import os
import pty
import signal
import subprocess
import threading

import pytest
from google.longrunning import operations_pb2
from google.rpc import code_pb2

from examples.scanner._gen import scanner_pb2
from tests.longrunning.commands.conftest import LRO
from tests.longrunning.commands.fake_operations import (
    FakeOperations,
    FakeServer,
    operation,
    refusal,
)
from tests.ports import free_ports

NAME = "operations/x"
MANIFEST = scanner_pb2.Manifest(bytes_total=3)


@pytest.fixture
def server():
    """A server whose port nobody else is given while it is down."""
    (port,) = free_ports()
    server = FakeServer(FakeOperations(), port=port)
    yield server
    server.stop()


@pytest.fixture
def waiting(server):
    """Starts `lro wait` in the background; on a terminal if told so."""
    started = []

    def start(*arguments, stderr=subprocess.PIPE):
        process = subprocess.Popen(
            [LRO, "wait", NAME, "--address", server.address, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("finished", "code", "err"),
    [
        (operation(NAME, manifest=MANIFEST), 0, ""),
        (
            operation(NAME, error=refusal(code_pb2.NOT_FOUND, "No directory\n'd'.")),
            1,
            f"lro: {NAME} failed: No directory 'd'. (NOT_FOUND)\n",
        ),
        (
            operation(NAME, error=refusal(code_pb2.CANCELLED, "")),
            1,
            f"lro: {NAME} was cancelled\n",
        ),
        (
            operation(NAME, error=refusal(99, "Strange.")),
            1,
            f"lro: {NAME} failed: Strange. (code 99)\n",
        ),
    ],
)
def test_shows_the_end_and_exits_with_it(lro, operations, finished, code, err):
    operations.put(finished)
    shown = lro("get", NAME, "--json").out
    assert lro("wait", NAME, "--json") == (code, shown, err)


def test_is_woken_by_the_change(waiting, server):
    server.servicer.put(operation(NAME, percent=10))
    process = waiting("--json")
    server.servicer.await_request(operations_pb2.WaitOperationRequest)
    server.servicer.put(operation(NAME, manifest=MANIFEST))
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["response"]["bytesTotal"] == "3"


def test_polls_where_the_service_leaves_wait_out(waiting, server):
    server.servicer.left_out.add("WaitOperation")
    server.servicer.put(operation(NAME))
    process = waiting("--json")
    server.servicer.await_request(operations_pb2.GetOperationRequest, count=2)
    server.servicer.put(operation(NAME, manifest=MANIFEST))
    assert process.communicate(timeout=20)[1] == ""
    assert process.returncode == 0
    waits = [r for r in server.servicer.requests if type(r) is operations_pb2.WaitOperationRequest]
    assert len(waits) == 1


def test_gives_up_after_its_timeout(lro, operations):
    operations.put(operation(NAME))
    assert lro("wait", NAME, "--timeout", "0.2") == (
        124,
        "",
        f"lro: {NAME} is still running after 0.2 s; 'lro wait' waits again\n",
    )


def test_ctrl_c_leaves_the_operation_running_and_says_so(waiting, server):
    server.servicer.put(operation(NAME))
    process = waiting()
    server.servicer.await_request(operations_pb2.WaitOperationRequest)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (
        130,
        "",
        (f"lro: stopped waiting; {NAME} goes on running ('lro cancel' would stop it)\n"),
    )
    assert operations_pb2.CancelOperationRequest not in map(type, server.servicer.requests)


def test_survives_a_restart_of_the_server(waiting, server):
    server.servicer.put(operation(NAME))
    process = waiting("--json")
    server.servicer.await_request(operations_pb2.WaitOperationRequest)
    server.stop()
    server.servicer.put(operation(NAME, manifest=MANIFEST))
    again = FakeServer(server.servicer, port=server.port)
    try:
        _, err = process.communicate(timeout=30)
    finally:
        again.stop()
    assert (process.returncode, err) == (0, "")


def test_an_operation_deleted_meanwhile_ends_the_waiting(waiting, server):
    server.servicer.put(operation(NAME))
    process = waiting()
    server.servicer.await_request(operations_pb2.WaitOperationRequest)
    server.servicer.refuse_with = refusal(code_pb2.NOT_FOUND, "It is gone.")
    server.servicer.put(operation(NAME))  # wakes the waiter with the latest state
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (2, "lro: It is gone. (NOT_FOUND)\n")


class Terminal:
    """A pseudo-terminal and everything that was written to it."""

    def __init__(self):
        self._ours, self.theirs = pty.openpty()
        self._changed = threading.Condition()
        self.text = ""
        # What is written at once may come in pieces, which end anywhere.
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                chunk = os.read(self._ours, 4096)
            except OSError:  # the other end is closed
                return
            with self._changed:
                self.text += self._decoder.decode(chunk)
                self._changed.notify_all()

    def await_text(self, expected):
        with self._changed:
            found = self._changed.wait_for(lambda: expected in self.text, timeout=20)
            assert found, f"{expected!r} is not in {self.text!r}"

    def close(self):
        os.close(self.theirs)
        self._reader.join(timeout=20)
        os.close(self._ours)


@pytest.fixture
def terminal():
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_a_terminal_shows_a_bar_that_follows_the_metadata(waiting, server, terminal):
    server.servicer.put(operation(NAME, percent=0))
    process = waiting("--json", stderr=terminal.theirs)
    terminal.await_text(f"Waiting for {NAME} (Ctrl-C ends the waiting, not the operation)")
    terminal.await_text("0%")
    server.servicer.put(operation(NAME, percent=42))
    terminal.await_text("42%")
    server.servicer.put(operation(NAME, percent=100, manifest=MANIFEST))
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(out)["metadata"]["progressPercent"] == 100


def test_a_terminal_shows_a_spinner_without_a_percentage(waiting, server, terminal):
    server.servicer.put(operation(NAME))
    process = waiting("--json", stderr=terminal.theirs)
    terminal.await_text("running")
    terminal.await_text("0:00:0")
    server.servicer.put(operation(NAME, manifest=MANIFEST))
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert "%" not in terminal.text
