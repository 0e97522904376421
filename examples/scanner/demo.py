"""The whole way through, on this machine: `make demo`.

Exit code 0 and `demo: ok` as the last line, or 1 and a line that says what went wrong. Nothing is
left running and no file is left behind, however it ends.
"""

import os
import signal
import sys
import tempfile
import warnings
from pathlib import Path
from types import FrameType

from rich.console import Console

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Interrupted(BaseException):
    """A signal asked the demo to end."""


def main() -> int:
    """Runs the demo, and returns its exit code."""
    # Before gRPC and requests read them: no proxy to ourselves, no noise when a server is killed.
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = "127.0.0.1"
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    warnings.simplefilter(
        "ignore", FutureWarning
    )  # google.api_core's, about the age of this Python
    console = Console(highlight=False, soft_wrap=True, emoji=False, markup=False)
    interrupted_by: list[str] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        for again in _SIGNALS:
            signal.signal(again, signal.SIG_IGN)  # what is cleaned up now must not be cut short
        interrupted_by.append(signal.Signals(number).name)
        raise _Interrupted

    for number in _SIGNALS:
        signal.signal(number, interrupt)
    fault = ""
    try:
        _run(console)
    except ImportError as error:
        fault = f"{error}; `make demo` installs it"
    except (Exception, _Interrupted) as error:
        fault = f"failed: {error or type(error).__name__}"
    if interrupted_by:  # whatever the code that it came upon made of the exception
        fault = f"interrupted by {interrupted_by[0]}"
    if fault:
        console.print(f"demo: {fault}", style="bold red")
        return 1
    console.print("demo: ok", style="bold green")
    return 0


def _run(console: Console) -> None:
    from examples.scanner.walkthrough import Walkthrough  # noqa: PLC0415 - after the environment

    try:
        scratch = tempfile.TemporaryDirectory(prefix="scanner-demo-", dir=sys.prefix)
    except OSError as error:
        raise RuntimeError(
            f"no directory can be made in {sys.prefix} ({error.strerror}); "
            "run the demo in a virtual environment, as `make demo` does"
        ) from None
    with scratch as directory:
        Walkthrough(console, Path(sys.prefix).resolve(), Path(directory).resolve()).run()


if __name__ == "__main__":
    sys.exit(main())
