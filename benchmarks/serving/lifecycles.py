"""Whole lives over gRPC: callers that start empty work and wait for its end."""

import json
from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.serving.loading import COLUMNS, CPU, RATE
from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.rounds import Case, Column, Table, in_turn
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import Places, served

CALLERS = 64


def lives(server: Server, options: Options) -> Case:
    """Returns what measures a server."""

    def measure() -> Mapping[str, float]:
        command = ["python", "-m", "benchmarks.serving.clients.living", server.grpc]
        command += [json.dumps(options.client()), str(CALLERS), str(options.seconds)]
        before = server.cpu_seconds()
        with Process(command, options.folder / "living.log") as client:
            told = json.loads(client.output(options.seconds + 60))
        cpu = server.cpu_seconds() - before
        return {RATE: told["rate"], CPU: cpu / told["count"] * 1e6}

    return measure


def measure(options: Options) -> dict[str, Table]:
    """Measures them on each store; the client is Python too, and takes a core."""
    columns = {**COLUMNS, RATE: Column(title="lives/s")}
    table = Table(title=f"Start to result of empty work, {CALLERS} callers", columns=columns)
    with ExitStack() as running:
        places = running.enter_context(Places(options.folder))
        cases = {
            kind: lives(running.enter_context(served(places, kind, 0, options)), options)
            for kind in options.kinds
        }
        in_turn(table, cases, options.rounds)
    return {"lifecycles": table}
