"""Two server processes on one store beside one: requests for each CPU second of theirs.

What PostgreSQL itself takes is not in it. Two bare handlers beside one, which share nothing, show
what of the difference is the machine's.
"""

from contextlib import ExitStack

from benchmarks.serving.loading import COLUMNS, CPU, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Column, Table, in_turn
from benchmarks.serving.servers import constant_grpc, lro_serve
from benchmarks.serving.stores import Places, contents

PER_CPU = "per_cpu_second"


def measure(options: Options) -> dict[str, Table]:
    """Measures SQLite and PostgreSQL, over gRPC and REST."""
    table = Table(
        title="GetOperation, one server process and two on one store",
        columns={PER_CPU: Column(title="requests/CPU second"), **COLUMNS},
    )
    cases = {}
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
            name, size = held.finished[0], held.finished_bytes
            grpc = [(each, get_over_grpc(each, name, size, options)) for each in pair]
            rest = [(each, get_over_rest(each, held.finished, size, options)) for each in pair]
            doors = {"REST": rest} if options.quick else {"gRPC": grpc, "REST": rest}
            for door, loads in doors.items():
                for count, number in ((1, "one"), (2, "two")):
                    cases[f"{kind}, {door}, {number}"] = loaded(options, *loads[:count])
        if not options.quick:
            bare = [running.enter_context(constant_grpc(options.folder)) for _ in range(2)]
            loads = [(each, get_over_grpc(each, name, size, options)) for each in bare]
            for count, number in ((1, "one"), (2, "two")):
                cases[f"bare grpc.aio, {number}"] = loaded(options, *loads[:count])
        in_turn(table, cases, options.rounds)
    for row in table.rows.values():
        row[PER_CPU] = [1e6 / cpu for cpu in row[CPU]]
    return {"pairs": table}
