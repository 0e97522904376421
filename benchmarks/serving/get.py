"""GetOperation, of running and of finished operations, on each store, beside peers."""

from contextlib import ExitStack

from benchmarks.serving import servers
from benchmarks.serving.constant import OPERATION
from benchmarks.serving.loading import COLUMNS, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table, in_turn
from benchmarks.serving.stores import NAMES, Places, contents
from benchmarks.stores.records import records

BARE = "bare grpc.aio, a constant"
ENVOY = "Envoy's transcoder before bare grpc.aio"
UVICORN, GRANIAN = "uvicorn, constant bytes", "granian, constant bytes"
REST_APP = "benchmarks.serving.rest_app:serve"
CONSTANT_APP = "benchmarks.serving.constant_http:serve"


def measure(options: Options) -> dict[str, Table]:
    """Measures all of them side by side."""
    grpc = Table(title="GetOperation over gRPC", columns=COLUMNS)
    rest = Table(title="GetOperation over REST", columns=COLUMNS)
    grpc_cases, rest_cases = {}, {}
    folder = options.folder
    with ExitStack() as running:
        places = running.enter_context(Places(folder))
        bare = running.enter_context(servers.constant_grpc(folder))
        target = get_over_grpc(bare, OPERATION.name, len(OPERATION.SerializeToString()), options)
        grpc_cases[BARE] = loaded(options, (bare, target))
        envoy = running.enter_context(servers.envoy_before(folder, bare))
        constants = {
            name: running.enter_context(servers.asgi_server(folder, kind, CONSTANT_APP))
            for name, kind in ((UVICORN, "uvicorn"), (GRANIAN, "granian"))
            if not (options.quick and name == GRANIAN)
        }
        any_names = [record.name for record in records(NAMES)]
        for name, peer in {ENVOY: envoy, **constants}.items():
            rest_cases[name] = loaded(options, (peer, get_over_rest(peer, any_names, options)))
        for kind in options.kinds:
            url = places.new(kind, options.operations)
            server = running.enter_context(
                servers.lro_serve(folder, url, operations=options.operations, options=options.serve)
            )
            held = contents(server, options)
            states = {"finished": (held.finished, held.finished_bytes)}
            if not options.quick:
                states["running"] = held.running, held.running_bytes
            for state, (names, reply_bytes) in states.items():
                target = get_over_grpc(server, names[0], reply_bytes, options)
                grpc_cases[f"{kind}, {state}"] = loaded(options, (server, target))
                target = get_over_rest(server, names, options)
                rest_cases[f"{kind}, {state}"] = loaded(options, (server, target))
            if kind == "SQLite":
                for program in ("granian",) if options.quick else ("uvicorn", "granian"):
                    alone = running.enter_context(
                        servers.asgi_server(folder, program, REST_APP, url)
                    )
                    target = get_over_rest(alone, held.finished, options)
                    rest_cases[f"{kind}, finished, {program} alone"] = loaded(
                        options, (alone, target)
                    )
        in_turn(grpc, grpc_cases, options.rounds)
        in_turn(rest, rest_cases, options.rounds)
    return {"grpc": grpc, "rest": rest}
