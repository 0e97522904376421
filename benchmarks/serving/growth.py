"""How GetOperation and a page of a list grow with the number of operations, 10^3 to 10^6."""

from contextlib import ExitStack

from benchmarks.serving.lists import page_over_grpc
from benchmarks.serving.loading import COLUMNS, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table, in_turn
from benchmarks.serving.stores import Places, contents, served

SIZES = (1_000, 10_000, 100_000, 1_000_000)
MOST_IN_MEMORY = 100_000  # a million would take gigabytes, and minutes to make


def measure(options: Options) -> dict[str, Table]:
    """Measures it on each store, all sizes side by side."""
    table = Table(title="Growth with the number of operations", columns=COLUMNS)
    for kind in options.kinds:
        cases = {}
        with ExitStack() as running:
            places = running.enter_context(Places(options.folder))
            for size in SIZES:
                if kind == "memory" and size > MOST_IN_MEMORY:
                    continue
                server = running.enter_context(served(places, kind, size, options))
                held = contents(server, options)
                for what, target in (
                    ("Get over gRPC", get_over_grpc(
                        server, held.finished[0], held.finished_bytes, options
                    )),
                    ("Get over REST", get_over_rest(server, held.finished, options)),
                    ("a page over gRPC", page_over_grpc(server, held.page_bytes, options)),
                ):  # fmt: skip
                    cases[f"{kind}, {what}, {size:,}"] = loaded(options, (server, target))
            in_turn(table, cases, options.rounds)
    return {"growth": table}
