"""`lro worker` as a child process, started as anybody would start it."""

import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

CHECKOUT = Path(__file__).resolve().parents[3]
LRO = Path(sys.executable).with_name("lro")
PATIENCE = 30.0


class WorkerProcess:
    """A worker that is ready once this is entered, and gone once it is left."""

    def __init__(self, store: str, notes: Path, *options: str, log: Path) -> None:
        self._command = (
            *(str(LRO), "worker", "tests.longrunning.workers.working_app:app"),
            *("--store", store, "--drain", "0", *options),
        )
        self._environment = {**os.environ, "LRO_NOTES": str(notes)}
        self._log = log

    def __enter__(self) -> "WorkerProcess":
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=CHECKOUT,
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        stdout = self._process.stdout
        assert stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            assert selector.select(PATIENCE), f"no worker after {PATIENCE} s: {self.log()}"
        line = stdout.readline()
        assert line.startswith("lro: working on operations in "), f"{line}{self.log()}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.send(signal.SIGKILL)
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Returns its exit code."""
        return self._process.wait(PATIENCE)

    def log(self) -> str:
        return self._log.read_text()
