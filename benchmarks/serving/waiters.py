"""Callers of WaitOperation on one server process: what each costs, and how soon the last knows."""

import json
import time

from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.rounds import Column, Table, in_turn
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import Places, served

COLUMNS = {
    "kib": Column(title="KiB each", form=".1f"),
    "last_ms": Column(title="ms from the change to the last of 1,000", form=".0f"),
    "failed": Column(title="failed"),
    "idle_cpu": Column(title="% CPU while they wait", form=".1f"),
}
TOGETHER = 1000
LOOKS = 30  # at most; a second each
IDLE = 10.0  # % of a core


def wait(kind: str, places: Places, options: Options) -> dict[str, float]:
    """Measures a new server."""
    command = ["python", "-m", "benchmarks.serving.clients.waiting"]
    with served(places, kind, 0, options) as server:
        command += [server.grpc, json.dumps(dict(options.headers))]
        command += [str(options.waiters), str(TOGETHER)]
        with Process(command, options.folder / "waiting.log") as client:
            expect(client, "created")
            before = server.resident_kib()
            client.tell("park")
            idle = settle(client, "parked", server)
            each = (server.resident_kib() - before) / (options.waiters - TOGETHER)
            client.tell("gather")
            settle(client, "gathered", server)
            client.tell("wake")
            told = json.loads(client.next_line(seconds=120))
    return {"kib": each, "idle_cpu": idle, **{key: told[key] for key in ("last_ms", "failed")}}


def settle(client: Process, line: str, server: Server) -> float:
    """Returns when a server is done with what has arrived, with the CPU that it takes then, in %.

    Nothing tells a client that its wait has arrived.
    """
    idle, resident, cpu = 100.0, 0.0, server.cpu_seconds()
    for look in range(LOOKS):
        if look:
            client.tell("again")
        begun = time.perf_counter()
        expect(client, line)
        now, cpu_now = server.resident_kib(), server.cpu_seconds()
        idle = (cpu_now - cpu) / max(time.perf_counter() - begun, 0.1) * 100
        if now == resident and idle < IDLE:
            break
        resident, cpu = now, cpu_now
    return idle


def expect(client: Process, line: str) -> None:
    """Reads a line from a client; raises SystemExit if it says something else."""
    if (said := client.next_line(seconds=120).strip()) != line:
        client.failed(f"said {said!r} instead of {line!r}")


def measure(options: Options) -> dict[str, Table]:
    """Measures it on each store."""
    title = f"{options.waiters:,} waiters on one server process, over one connection"
    table = Table(title=title, columns=COLUMNS)
    with Places(options.folder) as places:
        cases = {kind: lambda kind=kind: wait(kind, places, options) for kind in options.kinds}
        in_turn(table, cases, 1 if options.quick else options.rounds)
    return {"waiters": table}
