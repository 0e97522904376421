"""A server of its own, started through the command line as anybody would start it."""

import os
import re
import selectors
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

START_SECONDS = 30.0
STOP_SECONDS = 30.0

CHECKOUT = Path(__file__).resolve().parents[2]
"""Where servers run, so that their apps can be imported."""

_LRO = Path(sys.executable).with_name("lro")
_READY = re.compile(r"lro: serving gRPC on (?P<grpc>\S+) and HTTP on (?P<http>\S+), .+\n")


class ServerError(Exception):
    """The server does not do what it should; the message ends with its log."""


class ServerProcess:
    """`lro serve` as a child process, on free ports of the loopback interface.

    Used with `with`, nothing is left running behind it, whatever happens.

    Args:
        app: `module:app`, with the checkout first on the path.
        store: the URL of the store.
        log: the file that takes what it writes to stderr.
        environment: variables to add to our own.
        options: further options of `lro serve`.

    Attributes:
        command: what is run.
        grpc: the address of gRPC, `host:port`, once it is started.
        http: the URL of REST, `http://host:port`, once it is started.
    """

    def __init__(
        self,
        app: str,
        *,
        store: str,
        log: Path,
        environment: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        ports = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
        self.command = ("lro", "serve", app, *ports, "--store", store, *options)
        self.grpc = ""
        self.http = ""
        self._log = log
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "ServerProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process and self._process.poll() is None:
            self.kill()

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._running.pid

    def start(self) -> str:
        """Starts it, and returns the line that it prints when it is ready.

        Raises:
            ServerError: it ends, or says nothing for too long.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [_LRO, *self.command[1:]],
                cwd=CHECKOUT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        line = self._first_line(self._process)
        ready = _READY.fullmatch(line)
        if ready is None:
            self.kill()
            raise ServerError(f"the server did not start.{self.log()}")
        self.grpc, self.http = ready["grpc"], ready["http"]
        return line.strip()

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._running.kill()
        self._wait()

    def stop(self) -> int:
        """Asks it to end (SIGTERM), and returns its exit code.

        Raises:
            ServerError: it does not end in time.
        """
        self._running.send_signal(signal.SIGTERM)
        return self._wait()

    def log(self) -> str:
        """Returns the end of what it wrote to stderr, on lines of their own."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "".join(f"\n    {line}" for line in lines[-20:])

    @property
    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise RuntimeError("this server was not started")
        return self._process

    def _wait(self) -> int:
        process = self._running
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise ServerError(
                f"the server did not stop within {STOP_SECONDS:.0f} seconds.{self.log()}"
            ) from None
        if process.stdout:
            process.stdout.close()
        return code

    @staticmethod
    def _first_line(process: "subprocess.Popen[str]") -> str:
        """Returns the first line of its output, "" if it ends or takes too long."""
        output = process.stdout
        if output is None:
            return ""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            return output.readline() if selector.select(START_SECONDS) else ""
