"""95% Get, 4% report and 1% start over gRPC, at a fixed rate: how long each call takes."""

import json
from contextlib import ExitStack

from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.rounds import Column, Table
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import Places, served

RATE = 1000
COLUMNS = {
    "p50": Column(title="p50 ms", form=".2f"),
    "p99": Column(title="p99 ms", form=".2f"),
    "p999": Column(title="p99.9 ms", form=".2f"),
    "cpu_us": Column(title="server CPU us each", form=",.1f"),
}


def add_round(table: Table, kind: str, server: Server, options: Options) -> None:
    """Measures a server once."""
    command = ["python", "-m", "benchmarks.serving.clients.mixing", server.grpc]
    seconds = options.seconds * (1 if options.quick else 2)
    command += [json.dumps(options.client()), str(RATE), str(seconds)]
    before = server.cpu_seconds()
    with Process(command, options.folder / "mixing.log") as client:
        told = json.loads(client.output(seconds * 5 + 60))
    cpu = server.cpu_seconds() - before
    if told["rate"] < RATE * 0.9:
        print(f"  {kind} keeps up with {told['rate']:,.0f} calls/s only, of {RATE:,}")
    table.add(f"{kind}, Get", {**told["Get"], "cpu_us": cpu / told["count"] * 1e6})
    for title in ("report", "start"):
        table.add(f"{kind}, {title}", told[title])


def measure(options: Options) -> dict[str, Table]:
    """Measures it on each store; the CPU is that of all kinds of calls."""
    table = Table(title=f"Mixed load over gRPC, {RATE:,} calls/s", columns=COLUMNS)
    with ExitStack() as running:
        places = running.enter_context(Places(options.folder))
        started = {
            kind: running.enter_context(served(places, kind, options.operations, options))
            for kind in options.kinds
        }
        for _ in range(options.rounds):
            for kind, server in started.items():
                add_round(table, kind, server, options)
    return {"mixed": table}
