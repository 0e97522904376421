"""Two server processes on one store beside one: requests for each CPU second of theirs.

What PostgreSQL itself takes is not in it. Under all the load that it can take a pair also pays for
the cores that it shares with the load generators, so gRPC is measured at a moderate rate as well
(wrk knows none); and a pair of bare handlers, which share nothing, beside one.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from benchmarks.serving.generators import Target
from benchmarks.serving.loading import COLUMNS, CPU, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Case, Column, Table, in_turn
from benchmarks.serving.servers import Server, constant_grpc, lro_serve
from benchmarks.serving.stores import Contents, Places, contents

PER_CPU = "per_cpu_second"
RATE = 2_000  # a second on each process, which keeps less than half of a core busy
MODERATE = f"gRPC at {RATE:,}/s each"

Loads = Sequence[tuple[Server, Target]]


def measure(options: Options) -> dict[str, Table]:
    """Measures SQLite and PostgreSQL, over gRPC and REST."""
    table = Table(
        title="GetOperation, one server process and two on one store",
        columns={PER_CPU: Column(title="requests/CPU second"), **COLUMNS},
    )
    cases: dict[str, Case] = {}
    with ExitStack() as running:
        places = running.enter_context(Places(options.folder))
        for kind in options.kinds:
            if kind == "memory":
                continue  # it is one process's own
            url = places.new(kind, options.operations)
            pair = [
                running.enter_context(
                    lro_serve(options.folder, url, environment=options.environment)
                )
                for _ in range(2)
            ]
            held = contents(pair[0], options)
            for door, loads in {**grpc(pair, held, options), **rest(pair, held, options)}.items():
                cases |= one_and_two(f"{kind}, {door}", loads, options)
        bare = [running.enter_context(constant_grpc(options.folder)) for _ in range(2)]
        for door, loads in grpc(bare, held, options).items():
            cases |= one_and_two(f"bare grpc.aio, {door}", loads, options)
        in_turn(table, cases, options.rounds)
    for row in table.rows.values():
        row[PER_CPU] = [1e6 / cpu for cpu in row[CPU]]
    return {"pairs": table}


def rest(pair: Sequence[Server], held: Contents, options: Options) -> Mapping[str, Loads]:
    """Returns the load over REST, as much as is answered, by its name."""
    names, size = held.finished, held.finished_bytes
    return {"REST": [(server, get_over_rest(server, names, size, options)) for server in pair]}


def grpc(pair: Sequence[Server], held: Contents, options: Options) -> Mapping[str, Loads]:
    """Returns the loads over gRPC, by their names: as much as is answered, and less."""
    name, size = held.finished[0], held.finished_bytes
    return {
        door: [(server, get_over_grpc(server, name, size, options, rate=rate)) for server in pair]
        for door, rate in (("gRPC", None), (MODERATE, RATE))
    }


def one_and_two(what: str, loads: Loads, options: Options) -> dict[str, Case]:
    """Returns what measures the first of two servers alone, and both."""
    return {
        f"{what}, {number}": loaded(options, *loads[:count])
        for count, number in ((1, "one"), (2, "two"))
    }
