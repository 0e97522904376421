"""`lro list`, `get`, `wait`, `cancel` and `delete`: the methods of google.longrunning.Operations.

Typer reads this module for every `lro --help`, so what brings gRPC is imported by the commands.
"""

import contextlib
import itertools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import finite, utf8
from longrunning.commands.connection import Connection
from longrunning.commands.failure import ExitCode, Failure, one_line

if TYPE_CHECKING:
    from google.longrunning import operations_pb2

    from longrunning.commands.remote import Remote

# ruff: noqa: PLC0415 - see above

DEFAULT_LIMIT = 100
"""How many operations `lro list` shows when it is not told."""

MAX_INT32 = 2**31 - 1
"""What ListOperationsRequest.page_size can hold, and so the most that is asked for."""

BAR_STEP, QUIET_STEP = 0.5, 20.0
"""How long one request of `lro wait` waits for a change, with and without a bar, in seconds."""

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        callback=utf8,
        show_default=False,
        help="The operation's name, such as projects/p/locations/l/operations/ID.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print each operation as one line of protobuf JSON.")
]


def list_(
    *,
    connection: Connection,
    parent: Annotated[
        str,
        typer.Argument(
            metavar="PARENT",
            callback=utf8,
            show_default=False,
            help="Whose operations, such as projects/p/locations/l; - stands for any one segment. "
            "Without it: the operations that have no parent.",
        ),
    ] = "",
    query: Annotated[
        str,
        typer.Option(
            "--filter",
            metavar="FILTER",
            callback=utf8,
            show_default=False,
            help="Only those that match (AIP-160), such as 'done = false'.",
        ),
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_INT32,
            metavar="N",
            show_default=False,
            help=f"Show so many (default {DEFAULT_LIMIT}).",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show all there are.")] = False,
    page_size: Annotated[
        int,
        typer.Option(
            min=0,
            max=MAX_INT32,
            metavar="N",
            show_default=False,
            help="How many to ask for in one request.",
        ),
    ] = 0,
    json: Json = False,
) -> None:
    """List operations, one per line."""
    from longrunning.commands import display
    from longrunning.commands.remote import connected

    if everything and limit is not None:
        raise Failure("--all and --limit exclude each other: give one of them")
    with connected(connection) as remote:
        listed = _list(remote, parent, query, page_size or limit or 0)
        shown = 0
        for operation in itertools.islice(listed, None if everything else limit or DEFAULT_LIMIT):
            if json:
                typer.echo(display.json_line(operation, remote.types))
            else:
                if not shown:
                    typer.echo(display.heading())
                typer.echo(display.row(operation, remote.types))
            shown += 1
        if limit is None and next(listed, None) is not None:
            _note(f"there are more than these {shown}; --all shows all of them")
    if not shown and not json:
        where = f"in {parent}" if parent else "without a parent"
        hint = "" if parent else "; those of a parent: lro list projects/-/locations/-"
        _note(f"no {'such ' if query else ''}operations {where}{hint}")


def get(*, connection: Connection, name: Name, json: Json = False) -> None:
    """Show one operation.

    The exit code says whether it could be read, not how it went: that is what `lro wait` tells.
    """
    from longrunning.commands.remote import connected

    with connected(connection) as remote:
        _show(remote, remote.get(name), json=json)


def wait(
    *,
    connection: Connection,
    name: Name,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", callback=finite, help="Give up after so long."),
    ] = None,
    json: Json = False,
) -> None:
    """Wait until an operation is done, and show it.

    The exit code is 1 if it failed or was cancelled. Ctrl-C ends the waiting, not the operation.
    """
    from longrunning.commands import display, progress, waiting
    from longrunning.commands.remote import connected

    live = sys.stderr.isatty()
    step = BAR_STEP if live else QUIET_STEP
    with connected(connection) as remote:
        try:
            states = waiting.states(remote, name, step=step, timeout=timeout)
            operation = next(states)
            if not operation.done:
                with progress.ProgressBar(name) if live else contextlib.nullcontext() as bar:
                    for latest in itertools.chain([operation], states):
                        operation = latest
                        if bar:
                            bar.show(progress.percentage(latest, remote.types))
        except KeyboardInterrupt:
            raise Failure(
                f"stopped waiting; {name} goes on running ('lro cancel' would stop it)",
                exit_code=ExitCode.INTERRUPTED,
            ) from None
        if not operation.done:
            raise Failure(
                f"{name} is still running after {timeout:g} s; 'lro wait' waits again",
                exit_code=ExitCode.TIMED_OUT,
            )
        _show(remote, operation, json=json)
    if display.state(operation) == "cancelled":
        raise Failure(f"{name} was cancelled", exit_code=ExitCode.UNSUCCESSFUL)
    if operation.HasField("error"):
        reason = operation.error.message or "no reason given"
        raise Failure(
            f"{name} failed: {reason} ({display.code_name(operation.error.code)})",
            exit_code=ExitCode.UNSUCCESSFUL,
        )


def cancel(*, connection: Connection, name: Name, json: Json = False) -> None:
    """Ask an operation to stop.

    It ends as cancelled, or as done if it was faster.
    """
    from google.longrunning import operations_pb2

    from longrunning.commands.remote import connected

    with connected(connection) as remote:
        remote.operations.CancelOperation(operations_pb2.CancelOperationRequest(name=name))
    typer.echo(
        "{}" if json else one_line(f"Asked {name} to stop; 'lro wait' shows how it ends."),
    )


def delete(*, connection: Connection, name: Name, json: Json = False) -> None:
    """Forget an operation and its result.

    Work that still runs is not stopped by this: cancel it first.
    """
    from google.longrunning import operations_pb2

    from longrunning.commands.remote import connected

    with connected(connection) as remote:
        remote.operations.DeleteOperation(operations_pb2.DeleteOperationRequest(name=name))
    typer.echo("{}" if json else one_line(f"Deleted {name}."))


def _note(text: str) -> None:
    """What is worth knowing and no failure: stdout is for the operations alone."""
    typer.echo(f"lro: {one_line(text)}", err=True)


def _list(
    remote: "Remote", parent: str, query: str, page_size: int
) -> "Iterator[operations_pb2.Operation]":
    from google.longrunning import operations_pb2

    request = operations_pb2.ListOperationsRequest(name=parent, filter=query, page_size=page_size)
    while True:
        page = remote.operations.ListOperations(request)
        yield from page.operations
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def _show(remote: "Remote", operation: "operations_pb2.Operation", *, json: bool) -> None:
    from longrunning.commands import display

    if json:
        typer.echo(display.json_line(operation, remote.types))
    else:
        for line in display.view(operation, remote.types):
            typer.echo(line)
