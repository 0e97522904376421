"""`lro serve`: serves apps over gRPC and HTTP and runs their work, in one process or several."""

from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import finite
from longrunning.commands.observation import Observation
from longrunning.commands.transport import Transport

if TYPE_CHECKING:
    from longrunning.serving import Addresses

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro serve` needs the server


def serve(
    *,
    app: Annotated[
        list[str],
        typer.Argument(
            metavar="MODULE:APP",
            show_default=False,
            help="A module that can be imported from here, and the App in it, a list of Apps, or "
            "a function without arguments that returns one, such as myservice:app. Each App is "
            "served at ports of its own; all of them share one Operations.",
        ),
    ],
    grpc: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to serve gRPC; further Apps take the ports after it, port 0 free ones.",
        ),
    ] = "127.0.0.1:50051",
    http: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Where to serve REST; further Apps take the ports after it, port 0 free ones.",
        ),
    ] = "127.0.0.1:8080",
    http_by_host: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="One more port for REST, where the Host header names the service that is meant.",
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where operations are kept, instead of where the App says: memory:, "
            "sqlite:///PATH or postgresql://...",
        ),
    ] = None,
    drain: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            callback=finite,
            help="How long running work may go on after SIGTERM.",
        ),
    ] = 10.0,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="How many processes serve, at the same ports, and work; they share the store, "
            "which cannot be memory.",
        ),
    ] = 1,
    no_work: Annotated[
        bool,
        typer.Option("--no-work", help="Leave the work to 'lro worker' processes."),
    ] = False,
    allow_unauthenticated: Annotated[
        bool,
        typer.Option(
            "--allow-unauthenticated",
            help="Serve other machines than this one, though an App has no authenticator.",
        ),
    ] = False,
    transport: Transport,
    observation: Observation,
) -> None:
    """Serve Apps over gRPC and HTTP until SIGTERM or Ctrl-C."""
    from longrunning.commands.fleet import serve_together
    from longrunning.commands.ready import Ready
    from longrunning.commands.serving_process import ServingProcess, Where

    one = ServingProcess(
        apps=tuple(app),
        store=store,
        no_work=no_work,
        drain=drain,
        allow_unauthenticated=allow_unauthenticated,
        observation=observation,
        transport=transport,
    )
    ready = Ready(_banner)
    where = Where(grpc=grpc, http=http, http_by_host=http_by_host, metrics=observation.metrics)
    if workers > 1:
        serve_together(one, workers, where, ready)
    else:
        one.serve(one.load(), **where, ready=ready)
    if ready.error:
        raise ready.error


def _banner(addresses: "Addresses") -> str:
    """Says what listens where: one line for one App, else one for each and one for all.

    The last line begins with `lro: serving`; scripts wait for it.
    """
    http = "https" if addresses.tls else "http"
    places = [f"gRPC on {door.grpc} and HTTP on {http}://{door.http}" for door in addresses.doors]
    rest = f"operations in {addresses.store}"
    if addresses.http_by_host:
        rest = f"HTTP by Host on {http}://{addresses.http_by_host}, {rest}"
    if len(places) == 1:
        return f"lro: serving {places[0]}, {rest}"
    lines = [
        f"lro: {door.service or 'every operation'}: {place}"
        for door, place in zip(addresses.doors, places, strict=True)
    ]
    return "\n".join([*lines, f"lro: serving {len(lines)} services, {rest}"])
