"""How it grows with the number of operations, 10^3 to 10^6: calls, start and memory."""

import time
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.serving.lifecycles import lives
from benchmarks.serving.lists import page_over_grpc
from benchmarks.serving.loading import COLUMNS, get_over_grpc, get_over_rest, loaded
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Column, Table, in_turn
from benchmarks.serving.servers import lro_serve
from benchmarks.serving.starting import COLUMNS as STARTING
from benchmarks.serving.starting import MB
from benchmarks.serving.stores import Places, contents

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SECONDS = 1  # of load on each: there are many


def measure(options: Options) -> dict[str, Table]:
    """Measures it on each store, all sizes side by side; a memory store is filled at its start."""
    options = replace(options, seconds=min(SECONDS, options.seconds))
    calls = {**COLUMNS, "rate": Column(title="requests (or lives) a second")}
    table = Table(title="Growth with the number of operations", columns=calls)
    starts = Table(title="Start of a server on so many operations", columns=STARTING)
    for kind in options.kinds:
        cases = {}
        with ExitStack() as running:
            places = running.enter_context(Places(options.folder))
            for size in SIZES:
                url = places.new(kind, size)
                begun = time.perf_counter()
                server = running.enter_context(
                    lro_serve(options.folder, url, operations=size, environment=options.environment)
                )
                seconds = time.perf_counter() - begun
                idle = server.resident_kib() * 1024 / 1e6
                own = server.anonymous_kib() * 1024 / 1e6
                starts.add(f"{kind}, {size:,}", {"seconds": seconds, MB: idle, "anonymous_mb": own})
                held = contents(server, options)
                for what, target in (
                    ("Get over gRPC", get_over_grpc(
                        server, held.finished[0], held.finished_bytes, options
                    )),
                    ("Get over REST", get_over_rest(
                        server, held.finished, held.finished_bytes, options
                    )),
                    ("a page over gRPC", page_over_grpc(server, held.page_bytes, options)),
                ):  # fmt: skip
                    cases[f"{kind}, {what}, {size:,}"] = loaded(options, (server, target))
                cases[f"{kind}, lives, {size:,}"] = lives(server, options)
            in_turn(table, cases, options.rounds)
    return {"growth": table, "growth of starts": starts}
