"""Callers of WaitOperation on one server process: what each costs, and how soon the last knows."""

import json

from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.rounds import Column, Table, in_turn
from benchmarks.serving.stores import Places, served

COLUMNS = {
    "kib": Column(title="KiB each", form=".1f"),
    "last_ms": Column(title="ms from the change to the last of 1,000", form=".0f"),
    "failed": Column(title="failed"),
    "idle_cpu": Column(title="% CPU while they wait", form=".1f"),
}
TOGETHER = 1000
LOOKS, LOOK_SECONDS = 30, 1.0


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
            resident, cpu = before, server.cpu_seconds()
            idle = 0.0
            for _ in range(LOOKS):  # until the server is done with what has arrived
                expect(client, "parked")
                now, cpu_now = server.resident_kib(), server.cpu_seconds()
                idle = (cpu_now - cpu) / LOOK_SECONDS * 100
                if now == resident and idle < 20:
                    break
                resident, cpu = now, cpu_now
                client.tell("again")
            each = (resident - before) / (options.waiters - TOGETHER)
            client.tell("wake")
            told = json.loads(client.next_line(seconds=120))
    return {"kib": each, "idle_cpu": idle, **{key: told[key] for key in ("last_ms", "failed")}}


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
