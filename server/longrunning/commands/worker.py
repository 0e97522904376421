"""`lro worker`: one process that does an app's work, and serves nothing."""

from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.checks import finite
from longrunning.commands.failure import Failure
from longrunning.commands.observation import Observation

if TYPE_CHECKING:
    from longrunning import Engine

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro worker` needs the engine


def worker(
    *,
    app: Annotated[
        list[str],
        typer.Argument(
            metavar="MODULE:APP",
            show_default=False,
            help="The Apps whose handlers do the work, as for 'lro serve'.",
        ),
    ],
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where operations are kept, instead of where the App says: postgresql://... to "
            "share it with other machines, sqlite:///PATH with other processes of this one.",
        ),
    ] = None,
    max_running: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many operations run at once; others wait."),
    ] = 64,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="What this worker is good for; it does the work of handlers whose labels it all "
            "has. May be repeated.",
        ),
    ] = None,
    processes: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="How many processes to keep ready for handlers that run in one.",
        ),
    ] = 1,
    lease: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="SECONDS",
            callback=finite,
            help="How long after its last sign of life this worker counts as dead.",
        ),
    ] = 15.0,
    drain: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            callback=finite,
            help="How long running work may go on after SIGTERM.",
        ),
    ] = 10.0,
    observation: Observation,
) -> None:
    """Do the work of an App's handlers until SIGTERM or Ctrl-C; serve nothing."""
    from longrunning.commands.loading import explain, load_apps
    from longrunning.commands.ready import Ready

    loaded = [each for target in app for each in load_apps(target, debug=observation.debug)]

    from longrunning import InProcessEngine, serving

    if (store or loaded[0].operations.store.url) == "memory:":
        raise Failure(
            "a worker finds its work where other processes put it, and they cannot reach memory: "
            "give --store postgresql://... or --store sqlite:///PATH"
        )
    observation.set_up_logging()
    ready = Ready(_line)
    try:
        engine: Engine = InProcessEngine(
            max_running=max_running, labels=label or (), processes=processes, lease_seconds=lease
        )
        serving.run(
            serving.work(
                loaded,
                engine=engine,
                store=store,
                drain=drain,
                metrics=observation.metrics,
                ready=ready,
            )
        )
    except serving.StartupError as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise explain(f"working for {', '.join(app)}", error, debug=observation.debug) from None
    if ready.error:
        raise ready.error


def _line(url: str) -> str:
    return f"lro: working on operations in {url}"
