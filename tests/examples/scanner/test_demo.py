"""`make demo`, as a process of its own: what it prints, how it ends, and what it leaves behind."""

import codecs
import contextlib
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.scanner import demo

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


def in_a_library() -> None:
    try:
        signal.raise_signal(signal.SIGTERM)
    except BaseException:
        raise RuntimeError("cut short") from None


def in_a_codec() -> None:
    class Codec(codecs.Codec):
        def encode(self, input: str, errors: str = "strict") -> tuple[bytes, int]:  # noqa: A002 - the base's
            signal.raise_signal(signal.SIGTERM)
            return b"", 0

    def search(name: str) -> codecs.CodecInfo | None:
        return codecs.CodecInfo(Codec().encode, Codec().decode) if name == "demo" else None

    codecs.register(search)
    try:
        "".encode("demo")  # its exception is put into another of that type
    finally:
        codecs.unregister(search)


def unseen() -> None:
    with contextlib.suppress(BaseException):
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("cut_short", [in_a_library, in_a_codec, unseen])
def test_an_interruption_is_told_whatever_it_came_upon(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cut_short: Callable[[], None],
) -> None:
    monkeypatch.setattr(demo, "_run", lambda _: cut_short())
    monkeypatch.setenv("no_proxy", "")  # which it sets, all of them
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("GRPC_VERBOSITY", "NONE")
    handlers = {number: signal.getsignal(number) for number in demo._SIGNALS}
    try:
        with warnings.catch_warnings():
            assert demo.main() == 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert capsys.readouterr().out == "demo: interrupted by SIGTERM\n"


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
