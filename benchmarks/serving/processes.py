"""Processes that a benchmark starts: what they cost, and that none of them is left behind."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0  # a server that fills its memory store with a million takes twenty
STOP_SECONDS = 10.0

_TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A process, and what it starts in turn; with `with`, all of them end.

    Args:
        command: what to run; "python" is the interpreter that runs this, and the programs of its
            environment are found beside it.
        log: takes what it writes to stderr.
        environment: variables to add to our own.

    Raises:
        SystemExit: the program is not there.
    """

    def __init__(
        self, command: list[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.command = command
        self.log = log
        if command[0] == "python":
            command = [sys.executable, *command[1:]]
        elif command[0] in {"lro", "py-spy"}:
            command = [str(Path(sys.executable).with_name(command[0])), *command[1:]]
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                env={**os.environ, "GRPC_VERBOSITY": "NONE", **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # Ctrl-C is ours; and it ends with all that it started
            )
        self.pid = self._process.pid

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
                break
        with contextlib.suppress(ProcessLookupError):  # what outlived its parent
            os.killpg(self.pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()

    def tell(self, line: str) -> None:
        """Gives it a line to read."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def next_line(self, seconds: float = START_SECONDS) -> str:
        """Returns the next line that it prints.

        Raises:
            SystemExit: it ends, or says nothing for too long.
        """
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            line = self._process.stdout.readline() if selector.select(seconds) else ""
        return line or self.failed(f"said nothing for {seconds:.0f} seconds, or ended")

    def wait_for_port(self, port: int) -> None:
        """Returns when it listens.

        Raises:
            SystemExit: it ends, or does not listen for too long.
        """
        for _ in range(int(START_SECONDS / 0.02)):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            time.sleep(0.02)
        self.failed("did not start")

    def output(self, seconds: float) -> str:
        """Returns all that it prints, once it has ended well.

        Raises:
            SystemExit: it fails, or runs longer than this.
        """
        try:
            printed, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.failed(f"was not done after {seconds:.0f} seconds")
        if self._process.returncode:
            self.failed(f"ended with {self._process.returncode}")
        return printed

    def failed(self, how: str) -> str:
        """Ends the benchmark."""
        said = self.log.read_text(errors="replace")[-3000:]
        raise SystemExit(f"{' '.join(self.command)} {how}\n{said}")

    def cpu_seconds(self) -> float:
        """Returns the CPU seconds of it and of what it has started, in steps of 10 ms."""
        ticks = 0
        for _, fields in self._members():
            ticks += sum(map(int, fields[11:15]))  # utime, stime, and those of children reaped
        return ticks / _TICKS

    def resident_kib(self) -> float:
        """Returns the resident memory of it and of what it has started, in KiB."""
        pages = sum(int(fields[21]) for _, fields in self._members())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024

    def anonymous_kib(self) -> float:
        """Returns how much of that memory is no page of a file, in KiB."""
        held = 0
        for folder, _ in self._members():
            with contextlib.suppress(OSError):
                status = (folder / "status").read_text()
                held += int(status.partition("RssAnon:")[2].split()[0])
        return held

    def _members(self) -> Iterator[tuple[Path, list[str]]]:
        """Yields /proc/PID of each process of the session, and the fields of its `stat`.

        The fields are those that stand behind the name.
        """
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = entry.read_text().rpartition(") ")[2].split()
                if int(fields[3]) == self.pid:
                    yield entry.parent, fields


def free_port() -> int:
    """Returns a port of the loopback interface that nothing listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def end_on_signals() -> None:
    """Has SIGTERM and SIGHUP end the benchmark as Ctrl-C does: with nothing left running."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
