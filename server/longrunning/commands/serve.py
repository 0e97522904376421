"""`lro serve`: one process that serves an app over gRPC and HTTP and runs its work."""

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import finite
from longrunning.commands.failure import Failure

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
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="LRO_DEBUG", help="Log more, and show tracebacks."),
    ] = False,
) -> None:
    """Serve an App over gRPC and HTTP until SIGTERM or Ctrl-C."""
    import logging

    from longrunning.commands.loading import explain, load_app

    loaded = load_app(app, debug=debug)

    from longrunning import serving

    # Does nothing if the module has set up logging itself.
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    ready = _Ready()
    try:
        serving.run(loaded, grpc=grpc, http=http, store=store, drain=drain, ready=ready)
    except serving.StartupError as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # one of the App's servicers or interceptors does not fit
        raise explain(f"serving {app}", error, debug=debug) from None
    if ready.error:
        raise ready.error


class _Ready:
    """Prints the one line that scripts wait for, as soon as it is true.

    Attributes:
        error: why it could not; the server is stopped then, as by whoever started it.
    """

    def __init__(self) -> None:
        self.error: OSError | None = None

    def __call__(self, addresses: "Addresses") -> None:
        try:
            typer.echo(
                f"lro: serving gRPC on {addresses.grpc} and HTTP on http://{addresses.http}, "
                f"operations in {addresses.store}"
            )
        except OSError as error:
            self.error = error
            signal.raise_signal(signal.SIGTERM)
