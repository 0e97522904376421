"""`make demo`, as a process of its own: what it prints, how it ends, and what it leaves behind."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the demo at the head of a process group; whatever is left of it fails the test."""
    started: list[subprocess.Popen[str]] = []
    before = scratch()

    def popen() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "examples.scanner.demo"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield popen
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)  # or else it would count as left while nobody has asked how it ended
        left = is_alive(process.pid)
        if left:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()
        assert not left
    assert scratch() == before


def is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def scratch() -> set[Path]:
    return set(Path(sys.prefix).glob("scanner-demo-*"))


def read_until(process: "subprocess.Popen[str]", text: str) -> list[str]:
    lines = []
    for line in process.stdout or ():
        lines.append(line.rstrip("\n"))
        if text in line:
            return lines
    raise AssertionError("\n".join(lines))


def test_goes_the_whole_way_through(start: Start):
    process = start()
    lines = process.communicate(timeout=110)[0].splitlines()
    assert lines[-1] == "demo: ok", "\n".join(lines)
    assert process.returncode == 0
    assert [line for line in lines if not line.startswith(" ")] == [
        "1. Starting the server",
        "2. Starting a scan of the installed packages, through REST",
        "3. Following it with google.api_core's clients: GetOperation",
        "4. Waiting for it: WaitOperation",
        "5. Cancelling a second scan, of one file of 64 GiB",
        "6. Listing with a filter: ListOperations",
        "7. Killing the server hard (SIGKILL), and starting it again",
        "8. Stopping it (SIGTERM)",
        "demo: ok",
    ]
    text = "\n".join(lines)
    assert "   done: error.code 1 (The operation was cancelled.)" in lines
    assert len(re.findall(r"^   still there: ", text, re.MULTILINE)) == 2
    assert re.search(r"^   REST  error\.code = 1 +[0-9a-f-]{36}$", text, re.MULTILINE)
    assert re.search(r"^   (REST|gRPC)  running +\d+ %", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupted_demo_says_so_and_leaves_nothing_behind(start: Start, name: str):
    process = start()
    read_until(process, "GetOperation")
    process.send_signal(signal.Signals[name])
    output = process.communicate(timeout=60)[0]
    assert output.splitlines()[-1] == f"demo: interrupted by {name}"
    assert process.returncode == 1


# Where there is no /proc nobody can be found to be killed; on Linux, and so in CI, it always runs.
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the server through /proc")
def test_a_server_that_dies_is_a_failure_with_its_log(start: Start):
    process = start()
    read_until(process, "GetOperation")
    os.kill(server_of(process), signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert re.search(r"^demo: failed: step \d: ", output, re.MULTILINE), output
    assert output.splitlines()[-1].startswith("    "), output
    assert process.returncode == 1


def server_of(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (server,) = children
    return int(server)
