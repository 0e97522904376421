"""Load on a server, as figures: requests a second, and what each costs in CPU."""

from collections.abc import Mapping

from google.longrunning import operations_pb2

from benchmarks.serving.generators import (
    CONNECTIONS,
    OPERATIONS,
    STREAMS,
    GrpcTarget,
    RestTarget,
    Target,
    generate,
)
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Case, Column
from benchmarks.serving.servers import Server

RATE, CPU = "rate", "cpu_us"
COLUMNS = {
    RATE: Column(title="requests/s"),
    CPU: Column(title="server CPU us each", form=",.1f"),
}


def get_over_grpc(
    server: Server, name: str, reply_bytes: int, options: Options, *, rate: int | None = None
) -> GrpcTarget:
    """Returns GetOperation of one operation, so often a second, or as often as it is answered."""
    return GrpcTarget(
        address=server.grpc,
        method=f"{OPERATIONS}/GetOperation",
        request=operations_pb2.GetOperationRequest(name=name),
        reply_bytes=reply_bytes,
        headers=options.client(),
        rate=rate,
    )


def get_over_rest(
    server: Server, names: list[str], reply_bytes: int, options: Options
) -> RestTarget:
    """Returns GETs of operations in turn; a reply over gRPC is `reply_bytes` long."""
    return rest(server, [f"/v1/{name}" for name in names], reply_bytes, options)


def rest(server: Server, paths: list[str], reply_bytes: int, options: Options) -> RestTarget:
    """Returns GETs of paths in turn, by as many clients as there are connections."""
    clients = [options.client() for _ in range(CONNECTIONS * STREAMS if options.issuer else 1)]
    return RestTarget(address=server.http, paths=paths, reply_bytes=reply_bytes, clients=clients)


def loaded(options: Options, *loads: tuple[Server, Target]) -> Case:
    """Returns what measures servers under load at the same time, as if they were one.

    They have had some requests by then and are warm, but in a quick run.
    """
    servers, targets = [server for server, _ in loads], [target for _, target in loads]
    if not options.quick:
        generate(targets, 1, options.folder)

    def measure() -> Mapping[str, float]:
        before = sum(server.cpu_seconds() for server in servers)
        taken = generate(targets, options.seconds, options.folder)
        cpu = sum(server.cpu_seconds() for server in servers) - before
        return {
            RATE: sum(load.requests / load.seconds for load in taken),
            CPU: cpu / sum(load.requests for load in taken) * 1e6,
        }

    return measure
