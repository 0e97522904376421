"""`lro serve --workers N`: the parent of the processes that serve, and what each of them runs."""

import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from longrunning.commands.failure import ExitCode, Failure
from longrunning.commands.serving_process import ServingProcess, Where

if TYPE_CHECKING:
    from longrunning.serving import Addresses
    from longrunning.serving.ports import Ports

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro serve` needs the server

_METRICS = "--metrics"


def serve_together(
    one: ServingProcess,
    workers: int,
    where: Where,
    ready: Callable[["Addresses"], None],
) -> None:
    """Has processes serve at the same ports until SIGTERM or Ctrl-C.

    Args:
        one: what each of them serves.
        workers: how many there are.
        where: they listen; the metrics are those of the first, and those of the others behind it.
        ready: called once, when all serve.

    Raises:
        Failure: they cannot start.
    """
    apps = one.load()

    from longrunning import serving
    from longrunning.serving.addresses import Address
    from longrunning.serving.app import shared_operations
    from longrunning.serving.fleet import Fleet
    from longrunning.serving.ports import Ports

    one.observation.set_up_logging()
    try:
        operations = shared_operations(apps)
        if (one.store or operations.store.url) == "memory:":
            raise Failure(
                "workers share their operations, and cannot reach each other's memory: "
                "give --store sqlite:///PATH or --store postgresql://..., or serve without "
                "--workers"
            )
        ports = Ports.parse(
            grpc=where["grpc"],
            http=where["http"],
            http_by_host=where["http_by_host"],
            apps=len(apps),
        )
        metrics = where["metrics"]
        observed = None if metrics is None else Address.parse(metrics, _METRICS)
        places = [observed and str(observed.after(n, _METRICS)) for n in range(workers)]
        with ports.held() as held:
            fleet = Fleet(workers, run, lambda number: (one, held, places[number]))
            serving.run(fleet.serve(ready))
    except serving.StartupError as error:
        raise Failure(str(error)) from None


def run(connection: Connection, one: ServingProcess, ports: "Ports", metrics: str | None) -> None:
    """Serves in a process of a fleet.

    Args:
        connection: to its parent.
        one: what it serves.
        ports: where.
        metrics: where its metrics are, `HOST:PORT`; None for nowhere.
    """
    from longrunning.serving.fleet import Membership

    try:
        member = Membership(connection)  # lets through a Ctrl-C that came before
        options: dict[str, Any] = {"ports": ports, "metrics": metrics, "stop": member.stop}
        try:
            one.serve(one.load(), **options, ready=member.ready)
        except Failure as failure:
            member.failed(failure.message)
            sys.exit(failure.exit_code)
    except KeyboardInterrupt:  # before it served; the parent has heard it as well
        sys.exit(ExitCode.INTERRUPTED)
