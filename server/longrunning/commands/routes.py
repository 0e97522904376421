"""`lro routes`: what service files bind, and which binding answers a request, and why."""

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import utf8
from longrunning.commands.failure import ExitCode, Failure, printable

if TYPE_CHECKING:
    from grpc_transcoding import RouteRow, RouteTable

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro routes` needs the transcoder


def routes(
    *,
    method: Annotated[
        str | None,
        typer.Argument(
            metavar="METHOD", callback=utf8, show_default=False, help="A request to explain: GET"
        ),
    ] = None,
    path: Annotated[
        str | None,
        typer.Argument(
            metavar="PATH",
            callback=utf8,
            show_default=False,
            help="and its path: /v1/operations/7.",
        ),
    ] = None,
    service_config: Annotated[
        list[str],
        typer.Option(
            "--service-config",
            metavar="FILE",
            show_default=False,
            help="A google.api.Service file, or the name of one that is shipped, such as "
            "operations_v1. May be repeated; of two files the later one wins.",
        ),
    ],
    module: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE",
            help="A generated module, such as mypackage.scanner_pb2, with the services that the "
            "files speak of. May be repeated.",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 2 if a file has a fault.")
    ] = False,
) -> None:
    """Show what service files bind; or, for a METHOD and a PATH, which binding answers and why."""
    if (method is None) != (path is None):
        raise Failure("a request is a METHOD and a PATH, such as GET /v1/operations/7")
    table = _load(service_config, ["google.longrunning.operations_pb2", *(module or ())])
    for fault in table.faults:
        typer.echo(f"lro: {printable(str(fault))}", err=True)
    if method is None or path is None:
        _show(table)
    else:
        _explain(table, method, path)
    if strict and table.faults:
        raise Failure("the files have faults: see above")


def _load(configs: list[str], modules: list[str]) -> "RouteTable":
    import logging
    import os
    import sys

    from grpc_transcoding import ServiceConfigError
    from grpc_transcoding import routes as bound
    from longrunning.commands.loading import explain
    from longrunning.services import find_service_config, left_out

    # The faults are shown: no need for the transcoder to log them as well.
    logging.getLogger("grpc_transcoding").addHandler(logging.NullHandler())
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds text
    for name in modules:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise Failure(f"--module {name} cannot be imported: {error}") from None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise explain(f"importing {name}", error) from None
    try:
        found = [find_service_config(config) for config in configs]
        return bound(found, http_rules=left_out(configs))
    except ServiceConfigError as error:
        raise Failure("; ".join(map(str, error.faults))) from None


def _show(table: "RouteTable") -> None:
    if not table.rows:
        raise Failure(
            "nothing is bound: the services that the files speak of are not known here; "
            "name their generated modules with --module"
        )
    methods, paths = (
        max(len(getattr(row, column)) for row in table.rows) for column in ("http_method", "path")
    )
    for row in table.rows:
        body = f"  body: {row.body}" if row.body else ""
        typer.echo(f"{row.http_method:<{methods}}  {row.path:<{paths}}  {row.selector}{body}")
    for selector in sorted(table.hidden):
        typer.echo(f"lro: {selector} is not exposed: no file lists its API in `apis`", err=True)


def _explain(table: "RouteTable", method: str, path: str) -> None:
    explanation = table.explain(method, path)
    if explanation.winner is None:
        for candidate in explanation.candidates:
            typer.echo(f"not   {_line(candidate.row)}: {candidate.why}")
        raise Failure(printable(explanation.why), exit_code=ExitCode.UNSUCCESSFUL)
    typer.echo(f"calls {_line(explanation.winner)}: {explanation.why}")
    for field, text in explanation.captures:
        typer.echo(f"      {field} = {printable(text)!r}")
    for candidate in explanation.candidates[1:]:
        typer.echo(f"not   {_line(candidate.row)}: {candidate.why}")


def _line(row: "RouteRow") -> str:
    return f"{row.selector} by {row.http_method} {row.path} ({row.source})"
