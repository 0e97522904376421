"""gRPC over ASGI beside grpc.aio: requests a second, and what each costs in CPU.

    python -m benchmarks.grpc_over_asgi [--rounds 7] [--servers uvicorn,pyvoy]

Everything is up at the same time and measured in turn. Each round is a number of requests, not a
time: uvicorn ends a connection at its 4,096th, and h2load opens no other one.
"""

import argparse
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from google.longrunning import operations_pb2

from benchmarks.grpc_over_asgi.servers import COMMANDS, one_port
from benchmarks.serving import generators, processes, report, servers
from benchmarks.serving.constant import OPERATION
from benchmarks.serving.generators import CONNECTIONS, OPERATIONS, GrpcTarget
from benchmarks.serving.loading import COLUMNS, CPU, RATE, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table, in_turn, ratios, shown
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import Places, contents

REQUESTS = 3_800 * CONNECTIONS
BARE = "bare grpc.aio, a constant"
CONSTANT = "benchmarks.grpc_over_asgi.constant_app:serve"
SERVED = "benchmarks.grpc_over_asgi.served_app:serve"


class CountedTarget(GrpcTarget):
    """A target that gets a number of requests, however long they take."""

    def command(self, seconds: int, body: Path) -> list[str]:
        """Returns what makes the load."""
        name, _, _, *rest = super().command(seconds, body)
        return [name, "-n", str(REQUESTS), *rest]


def get(server: Server, name: str, reply_bytes: int) -> CountedTarget:
    """Returns GetOperation of one operation."""
    return CountedTarget(
        address=server.grpc,
        method=f"{OPERATIONS}/GetOperation",
        request=operations_pb2.GetOperationRequest(name=name),
        reply_bytes=reply_bytes,
    )


def measure(options: Options, kinds: list[str]) -> list[Table]:
    """Measures servers beside grpc.aio, a constant and SQLite."""
    grpc = Table(title="GetOperation over gRPC", columns=COLUMNS)
    rest = Table(title="GetOperation over REST", columns=COLUMNS)
    grpc_cases, rest_cases = {}, {}
    folder, size = options.folder, len(OPERATION.SerializeToString())
    with ExitStack() as running:
        places = running.enter_context(Places(folder))
        bare = running.enter_context(servers.constant_grpc(folder))
        grpc_cases[BARE] = loaded(options, (bare, get(bare, OPERATION.name, size)))
        stored: dict[str, Server] = {}
        for kind in kinds:
            server = running.enter_context(one_port(kind, CONSTANT, folder))
            case = loaded(options, (server, get(server, OPERATION.name, size)))
            grpc_cases[f"{kind}, a constant"] = case
        url = places.new("SQLite", options.operations)
        stored["lro serve"] = running.enter_context(servers.lro_serve(folder, url))
        for kind in kinds:
            url = places.new("SQLite", options.operations)
            environment = {"ONE_PORT_STORE": url}
            stored[kind] = running.enter_context(one_port(kind, SERVED, folder, environment))
        for kind, server in stored.items():
            held = contents(server, options)
            target = get(server, held.finished[0], held.finished_bytes)
            grpc_cases[f"{kind}, SQLite"] = loaded(options, (server, target))
            by_rest = get_over_rest(server, held.finished, held.finished_bytes, options)
            rest_cases[f"{kind}, SQLite"] = loaded(options, (server, by_rest))
        in_turn(grpc, grpc_cases, options.rounds)
        in_turn(rest, rest_cases, options.rounds)
    return [grpc, rest]


def main() -> None:
    """Measures, and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grpc_over_asgi")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--servers", default="uvicorn,uvicorn as it is,pyvoy")
    asked = parser.parse_args()
    kinds = asked.servers.split(",")
    if unknown := set(kinds) - set(COMMANDS):
        parser.error(f"--servers has {', '.join(unknown)}: expected some of {', '.join(COMMANDS)}")
    processes.end_on_signals()
    generators.check_installed()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="lro-bench-", ignore_cleanup_errors=True) as folder:
        options = Options(
            folder=Path(folder),
            quick=False,
            rounds=asked.rounds,
            seconds=2,
            kinds=("SQLite",),
            operations=1_000,
            waiters=0,
        )
        tables = measure(options, kinds)
    for table, base in zip(tables, (BARE, "lro serve, SQLite"), strict=True):
        print(report.text_of(table))
        print(f"Beside {base}: requests/s, requests for each CPU second")
        for row, values in table.rows.items():
            rate = ratios(values[RATE], table.rows[base][RATE])
            cpu = ratios(table.rows[base][CPU], values[CPU])
            print(f"  {row}: {shown(rate, '.2f')}x, {shown(cpu, '.2f')}x")
    print(f"{asked.rounds} rounds; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    path = report.RESULTS / "grpc-over-asgi.json"
    path.parent.mkdir(exist_ok=True)
    report.write_json(path, {"grpc": tables[0], "rest": tables[1]}, report.machine())


if __name__ == "__main__":
    main()
