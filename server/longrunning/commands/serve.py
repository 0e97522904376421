"""`lro serve`: one process that serves an app over gRPC and HTTP and runs its work."""

from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import finite
from longrunning.commands.failure import Failure
from longrunning.commands.observation import Observation

if TYPE_CHECKING:
    from longrunning.serving import Addresses

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro serve` needs the server


def serve(
    *,
    app: Annotated[
        str,
        typer.Argument(
            metavar="MODULE:APP",
            show_default=False,
            help="A module that can be imported from here, and the App in it, or a function "
            "without arguments that returns one, such as myservice:app.",
        ),
    ],
    grpc: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve gRPC; port 0 takes a free one.")
    ] = "127.0.0.1:50051",
    http: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to serve REST; port 0 takes a free one.")
    ] = "127.0.0.1:8080",
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
    no_work: Annotated[
        bool,
        typer.Option("--no-work", help="Leave the work to 'lro worker' processes."),
    ] = False,
    observation: Observation,
) -> None:
    """Serve an App over gRPC and HTTP until SIGTERM or Ctrl-C."""
    from longrunning.commands.loading import explain, load_app
    from longrunning.commands.ready import Ready

    loaded = load_app(app, debug=observation.debug)

    from longrunning import WorkersElsewhere, serving

    observation.set_up_logging()
    ready = Ready(_line)
    try:
        engine = WorkersElsewhere() if no_work else None
        serving.run(
            serving.serve(
                loaded,
                grpc=grpc,
                http=http,
                store=store,
                engine=engine,
                drain=drain,
                metrics=observation.metrics,
                ready=ready,
            )
        )
    except serving.StartupError as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one of the App's servicers or interceptors does not fit
        raise explain(f"serving {app}", error, debug=observation.debug) from None
    if ready.error:
        raise ready.error


def _line(addresses: "Addresses") -> str:
    return (
        f"lro: serving gRPC on {addresses.grpc} and HTTP on http://{addresses.http}, "
        f"operations in {addresses.store}"
    )
