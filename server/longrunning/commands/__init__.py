"""The command `lro`: serve an app, and look after operations on any server that has them.

Nothing is imported until a command needs it: `app` holds the table of commands, each module beside
it declares one command or one part that they share.
"""

import io
import os
import sys


def main() -> None:
    """Run `lro` with the process's arguments and exit with its code."""
    _hold_closed_streams()
    _silence_grpc()
    from longrunning.commands.app import run  # noqa: PLC0415 - gRPC must not come before this

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal's encoding lacks is shown escaped; it is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def _hold_closed_streams() -> None:
    """Let what is written to a stream that the caller has closed go nowhere.

    Its number would go to the next file or socket that is opened.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - it stays open to the end


def _silence_grpc() -> None:
    """Keep gRPC's core from writing to stderr; what matters of it is in the errors we show.

    It reads the variable once, when it is imported: later than this.
    """
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
