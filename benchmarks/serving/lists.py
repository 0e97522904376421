"""The first page of ListOperations, 50 operations of the 6 in 10 that are of one parent."""

from contextlib import ExitStack

from google.longrunning import operations_pb2

from benchmarks.serving.generators import OPERATIONS, GrpcTarget
from benchmarks.serving.loading import COLUMNS, loaded, rest
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table, in_turn
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import Places, contents, served
from benchmarks.stores.records import PARENT


def page_over_grpc(server: Server, page_bytes: int, options: Options) -> GrpcTarget:
    """Returns the first page of a list over gRPC."""
    return GrpcTarget(
        address=server.grpc,
        method=f"{OPERATIONS}/ListOperations",
        request=operations_pb2.ListOperationsRequest(name=PARENT),
        reply_bytes=page_bytes,
        headers=options.client(),
    )


def measure(options: Options) -> dict[str, Table]:
    """Measures them on each store."""
    table = Table(title="A page of ListOperations, 50 operations", columns=COLUMNS)
    cases = {}
    with ExitStack() as running:
        places = running.enter_context(Places(options.folder))
        for kind in options.kinds:
            server = running.enter_context(served(places, kind, options.operations, options))
            size = contents(server, options).page_bytes
            page = page_over_grpc(server, size, options)
            cases[f"{kind}, gRPC"] = loaded(options, (server, page))
            target = rest(server, [f"/v1/{PARENT}/operations"], size, options)
            cases[f"{kind}, REST"] = loaded(options, (server, target))
        in_turn(table, cases, options.rounds)
    return {"pages": table}
