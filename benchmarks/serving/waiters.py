"""Callers of WaitOperation on one server process: what each costs, and how soon the last knows."""

import json
import sys
import time
from contextlib import ExitStack

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
PER_CLIENT = 10_000  # a client in Python is slow with more
LOOKS = 240  # at most; half a second each
IDLE = 10.0  # % of a core


def row(kind: str, waiters: int) -> str:
    """Returns what a row is called."""
    return f"{kind}, {waiters:,} waiters"


def wait(kind: str, places: Places, options: Options) -> dict[str, float]:
    """Measures a new server: most wait for an operation each, and a thousand for one."""
    alone = options.waiters - TOGETHER
    counts = [min(PER_CLIENT, alone - begun) for begun in range(0, alone, PER_CLIENT)]
    with served(places, kind, 0, options) as server, ExitStack() as running:
        parked = [client(running, server, count, "each", options) for count in counts]
        before = server.resident_kib()
        for each in parked:
            each.tell("park")
        idle = settle(parked, server)
        kib = (server.resident_kib() - before) / alone
        together = client(running, server, TOGETHER, "one", options)
        together.tell("park")
        settle([together], server)
        woken = ended(together)
        failed = woken["failed"] + sum(ended(each)["failed"] for each in parked)
    figures = {"last_ms": woken["last_ms"], "failed": failed, "idle_cpu": idle}
    if failed:  # they did not all wait: nobody knows what each takes
        print((options.folder / "waiting.log").read_text()[-3000:], file=sys.stderr)
        return figures
    return {"kib": kib, **figures}


def client(running: ExitStack, server: Server, count: int, what: str, options: Options) -> Process:
    """Starts a client with a connection of its own, whose operations are there when it returns."""
    command = ["python", "-m", "benchmarks.serving.clients.waiting", server.grpc]
    command += [json.dumps(options.client()), str(count), what]
    started = running.enter_context(Process(command, options.folder / "waiting.log"))
    expect(started, "created")
    return started


def ended(client: Process) -> dict[str, float]:
    """Lets a client end its operations, and returns what it says."""
    client.tell("end")
    said: dict[str, float] = json.loads(client.next_line(seconds=120))
    return said


def settle(clients: list[Process], server: Server) -> float:
    """Returns when a server is done with what has arrived, with the CPU that it takes then, in %.

    Nothing tells a client that its wait has arrived.
    """
    idle, resident, cpu = 100.0, 0.0, server.cpu_seconds()
    for look in range(LOOKS):
        begun = time.perf_counter()
        for each in clients:
            if look:
                each.tell("again")
        for each in clients:
            expect(each, "parked")
        now, cpu_now = server.resident_kib(), server.cpu_seconds()
        idle = (cpu_now - cpu) / max(time.perf_counter() - begun, 0.1) * 100
        if now == resident and idle < IDLE:
            return idle
        resident, cpu = now, cpu_now
    raise SystemExit(f"the server was not at rest after {LOOKS} looks: {idle:.0f}% CPU")


def expect(client: Process, line: str) -> None:
    """Reads a line from a client; raises SystemExit if it says something else."""
    if (said := client.next_line(seconds=120).strip()) != line:
        client.failed(f"said {said!r} instead of {line!r}")


def measure(options: Options) -> dict[str, Table]:
    """Measures it on the stores of which one process is told by itself, and one by another."""
    table = Table(title="Waiters on one server process", columns=COLUMNS)
    with Places(options.folder) as places:
        cases = {
            row(kind, options.waiters): lambda kind=kind: wait(kind, places, options)
            for kind in options.kinds
            if kind != "memory"  # its waiters are those of SQLite, and a round takes long
        }
        in_turn(table, cases, 1 if options.quick else options.rounds)
    return {"waiters": table}
