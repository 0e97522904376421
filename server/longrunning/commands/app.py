"""The table of commands, and the one place where a command's failure becomes a line and a code."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, TextIO

import typer

from longrunning.commands import migrate, operations, routes, serve, worker
from longrunning.commands.failure import ExitCode, Failure, one_line
from longrunning.commands.options import with_option_groups

COMMANDS: dict[str, Callable[..., None]] = {
    "serve": serve.serve,
    "worker": worker.worker,
    "migrate": migrate.migrate,
    "routes": routes.routes,
    "list": operations.list_,
    "get": operations.get,
    "wait": operations.wait,
    "cancel": operations.cancel,
    "delete": operations.delete,
}

_EXIT_CODES = (
    "Exit codes: 0 done; 1 the operation failed or was cancelled (wait); 2 wrong usage, no "
    "connection, or refused by the server; 124 --timeout is over (wait)."
)

# The usage errors of click, of which newer versions of typer carry a copy of their own.
_UsageError: type[BaseException] = typer.BadParameter.__bases__[0]


def _version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata  # noqa: PLC0415 - half of the time that `lro --help` takes

        typer.echo(f"lro {importlib.metadata.version('longrunning')}")
        raise typer.Exit


def _lro(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Serve long-running operations, and look after them on any server that has them."""


def _build(arguments: Sequence[str]) -> typer.Typer:
    app = typer.Typer(add_completion=False, callback=_lro, epilog=_EXIT_CODES)
    # Typer takes half a millisecond for each: only a list of them needs all.
    names = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in names:
        app.command(name)(with_option_groups(COMMANDS[name]))
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is one line on stderr."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except OSError as error:
        _discard(sys.stdout)
        if isinstance(error, BrokenPipeError):  # nobody reads any more
            return ExitCode.BROKEN_PIPE
        return _complain(f"cannot write to standard output: {error.strerror}")
    return code


def _run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Raises:
        OSError: its output cannot be written.
    """
    try:
        command = typer.main.get_command(_build(arguments))
        with command.make_context("lro", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as error:
        return error.exit_code
    except Failure as failure:
        return _complain(failure.message, failure.exit_code)
    except _UsageError as error:
        return _complain(_usage(error, arguments))
    except KeyboardInterrupt:
        return _complain("interrupted", ExitCode.INTERRUPTED)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:
            raise  # from writing: what else a command asks of the system it answers for itself
        if os.environ.get("LRO_DEBUG"):
            traceback.print_exc()
        what = f"{type(error).__name__}: {error}"
        return _complain(f"internal error: {what}; LRO_DEBUG=1 shows the traceback")
    return ExitCode.OK


def _complain(message: str, exit_code: ExitCode = ExitCode.REFUSED) -> int:
    try:
        sys.stderr.write(f"lro: {one_line(message)}\n")
    except OSError:  # there is nowhere left to say so, but the exit code tells
        _discard(sys.stderr)
    return exit_code


def _discard(stream: TextIO) -> None:
    """Let what is still to be written go nowhere: the interpreter tries once more at its exit."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - by its descriptor
        os.dup2(nowhere.fileno(), stream.fileno())


def _usage(error: BaseException, arguments: Sequence[str]) -> str:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    path = f"lro {arguments[0]}" if arguments and arguments[0] in COMMANDS else "lro"
    return f"{message.rstrip('.')}; see '{path} --help'"
