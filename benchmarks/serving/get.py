"""GetOperation, of running and of finished operations, on each store, beside peers.

Always with callers that authenticate and with others: the peers never ask who calls.
"""

from contextlib import ExitStack
from dataclasses import replace

from benchmarks.serving import servers
from benchmarks.serving.authentication import Issuer
from benchmarks.serving.constant import OPERATION
from benchmarks.serving.generators import Target
from benchmarks.serving.loading import COLUMNS, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table, in_turn
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import NAMES, Contents, Places, contents
from benchmarks.stores.records import records

BARE = "bare grpc.aio, a constant"
ENVOY = "Envoy's transcoder before bare grpc.aio"
UVICORN, GRANIAN = "uvicorn, constant bytes", "granian, constant bytes"
FINISHED = "SQLite, finished"
UNDER_GRANIAN = f"{FINISHED}, lro serve under granian"
ALONE = f"{FINISHED}, {{}} alone"
AUTHENTICATED = ", authenticated"
REST_APP = "benchmarks.serving.rest_app:serve"
CONSTANT_APP = "benchmarks.serving.constant_http:serve"


def measure(options: Options) -> dict[str, Table]:
    """Measures all of them side by side."""
    over_grpc: dict[str, tuple[Server, Target]] = {}
    over_rest: dict[str, tuple[Server, Target]] = {}
    anybody = replace(options, issuer=None)
    known = replace(options, issuer=options.issuer or Issuer(options.folder))
    with ExitStack() as running:
        places = running.enter_context(Places(options.folder))
        add_peers(running, over_grpc, over_rest, anybody)
        for kind in options.kinds:
            url = places.new(kind, options.operations)
            for callers, suffix in ((anybody, ""), (known, AUTHENTICATED)):
                server = running.enter_context(
                    servers.lro_serve(
                        options.folder,
                        url,
                        operations=options.operations,
                        environment=callers.environment,
                    )
                )
                held = contents(server, callers)
                states = {"finished": (held.finished, held.finished_bytes)}
                if callers is anybody and not options.quick:
                    states["running"] = held.running, held.running_bytes
                for state, (names, size) in states.items():
                    row = f"{kind}, {state}{suffix}"
                    over_grpc[row] = server, get_over_grpc(server, names[0], size, callers)
                    over_rest[row] = server, get_over_rest(server, names, size, callers)
                if kind == "SQLite":
                    add_others(
                        running, over_rest, url=url, held=held, options=callers, suffix=suffix
                    )
        tables = {
            "grpc": Table(title="GetOperation over gRPC", columns=COLUMNS),
            "rest": Table(title="GetOperation over REST", columns=COLUMNS),
        }
        for key, loads in (("grpc", over_grpc), ("rest", over_rest)):
            cases = {row: loaded(options, load) for row, load in loads.items()}
            in_turn(tables[key], cases, options.rounds)
    return tables


def add_peers(
    running: ExitStack,
    over_grpc: dict[str, tuple[Server, Target]],
    over_rest: dict[str, tuple[Server, Target]],
    options: Options,
) -> None:
    """Starts what answers with constants."""
    bare = running.enter_context(servers.constant_grpc(options.folder))
    size = len(OPERATION.SerializeToString())
    over_grpc[BARE] = bare, get_over_grpc(bare, OPERATION.name, size, options)
    peers = {ENVOY: running.enter_context(servers.envoy_before(options.folder, bare))}
    for name, program in ((UVICORN, "uvicorn"), (GRANIAN, "granian")):
        if not (options.quick and name == GRANIAN):
            peers[name] = running.enter_context(
                servers.asgi_server(options.folder, program, CONSTANT_APP)
            )
    any_names = [record.name for record in records(NAMES)]
    for name, peer in peers.items():
        over_rest[name] = peer, get_over_rest(peer, any_names, size, options)


def add_others(
    running: ExitStack,
    over_rest: dict[str, tuple[Server, Target]],
    *,
    url: str,
    held: Contents,
    options: Options,
    suffix: str,
) -> None:
    """Starts `lro serve` under granian, and servers that have the REST face of the app alone."""
    size = held.finished_bytes
    under = running.enter_context(
        servers.lro_serve(
            options.folder, url, environment=options.environment, http_server="granian"
        )
    )
    contents(under, options)  # it answers as under uvicorn
    over_rest[UNDER_GRANIAN + suffix] = under, get_over_rest(under, held.finished, size, options)
    # They tell what gRPC in the same process costs, whoever calls.
    environment = {"BENCH_STORE": url, **options.environment}
    for program in () if options.quick or options.issuer else ("uvicorn", "granian"):
        alone = running.enter_context(
            servers.asgi_server(options.folder, program, REST_APP, environment)
        )
        over_rest[ALONE.format(program) + suffix] = (
            alone,
            get_over_rest(alone, held.finished, size, options),
        )
