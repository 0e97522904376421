"""What serving operations costs, beside peers: `make bench`, or one part of it.

    python -m benchmarks.serving [PART ...] [--quick] [--rounds 5] [--seconds 2]

| part | what is measured |
| --- | --- |
| get | GetOperation over gRPC and REST, running and finished, on each store, beside peers: |
|     | bare grpc.aio, Envoy's transcoder before that, uvicorn and granian with constant bytes; |
|     | of callers that authenticate, too |
| lists | the first page of ListOperations over gRPC and REST, on each store; not with --quick |
| lifecycles | start to result of empty work over gRPC, on each store; not with --quick |
| waiters | 10,000 of WaitOperation on one process, on SQLite and PostgreSQL: memory, wake-up, |
|         | failures |
| mixed | 95% Get, 4% report, 1% start at a fixed rate: p50, p99, p99.9 |
| pairs | two server processes on one store beside one: requests for each CPU second; |
|       | not with --quick |
| starting | exec to serving, idle memory, the time of `import longrunning` |
| storage | memory and disk of a stored operation; not with --quick |
| growth | Get, a page of a list, lives and the start at 10^3 to 10^6 operations; not with --quick |

Callers of the other parts authenticate with --authentication on: each client, and each connection
of REST, has a token of its own (a JWT, RS256).

Every table shows medians and, in brackets, the smallest and largest of the rounds; ratios are made
round by round. JSON and a plot go to benchmarks/results/.
"""

import argparse
import importlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.serving import generators, processes, report
from benchmarks.serving.authentication import Issuer
from benchmarks.serving.options import Options
from benchmarks.serving.rounds import Table
from benchmarks.serving.stores import KINDS

PARTS = (
    *("get", "lists", "lifecycles", "waiters", "mixed"),
    *("pairs", "starting", "storage", "growth"),
)
NOT_QUICK = {"growth", "lifecycles", "lists", "pairs", "storage"}
FEWEST_ROUNDS = 5


def main() -> None:
    """Runs parts, and reports."""
    asked = arguments()
    parts = asked.parts or [part for part in PARTS if not (asked.quick and part in NOT_QUICK)]
    processes.end_on_signals()
    generators.check_installed()
    tables: dict[str, Table] = {}
    begun = time.perf_counter()
    about = {"quick": asked.quick, "authentication": asked.authentication, **report.machine()}
    about |= {"rounds": asked.rounds, "seconds of load": asked.seconds}
    name = "serving" if not asked.parts else f"serving-{'-'.join(asked.parts)}"
    name += "-authenticated" if asked.authentication == "on" else ""
    name += "-quick" if asked.quick else ""
    paths = [report.RESULTS / f"{name}{ending}" for ending in (".json", ".png")]
    for part in parts:
        print(f"{part} ({time.perf_counter() - begun:.0f} s)", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="lro-bench-", ignore_cleanup_errors=True) as folder:
            options = Options(
                folder=Path(folder),
                quick=asked.quick,
                rounds=asked.rounds,
                seconds=asked.seconds,
                kinds=("SQLite",) if asked.quick else KINDS,
                operations=1_000 if asked.quick else 10_000,
                waiters=asked.waiters,
                issuer=Issuer(Path(folder)) if asked.authentication == "on" else None,
            )
            measured = importlib.import_module(f"benchmarks.serving.{part}").measure(options)
        for table in measured.values():
            print(report.text_of(table), flush=True)
        tables |= measured
        about |= {"load at the end": os.getloadavg(), "seconds": time.perf_counter() - begun}
        report.write_json(paths[0], tables, about)  # whoever interrupts it has what there is
    print(report.text_of_bars(tables))
    title = f"{about['time']}, {about['cores']} cores, {asked.rounds} rounds of {asked.seconds} s"
    report.draw(paths[1], tables, title)
    before, after = about["load"][0], about["load at the end"][0]
    few = "" if asked.rounds >= FEWEST_ROUNDS else ": too few to be quoted, run without QUICK"
    print(
        f"{asked.rounds} rounds of {asked.seconds} s{few};"
        f" authentication {asked.authentication}, of Get where a row says so;"
        f" load average {before:.1f} before and {after:.1f} after;"
        f" {time.perf_counter() - begun:.0f} s in all"
    )
    print(f"Written: {', '.join(map(os.path.relpath, paths))}")


def part(name: str) -> str:
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def between(least: int, most: int) -> Callable[[str], int]:
    """Returns the type of an argument that is a whole number of a range."""

    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
        return int(text)

    return number


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", type=part)
    parser.add_argument(
        "--quick", action="store_true", help="two rounds of a second (of waiters one), SQLite only"
    )
    parser.add_argument("--rounds", type=between(1, 100), metavar="1..100")
    parser.add_argument("--seconds", type=between(1, 60), metavar="1..60")
    parser.add_argument("--waiters", type=between(2_000, 100_000), metavar="2000..100000")
    parser.add_argument("--authentication", choices=("off", "on"), default="off")
    asked = parser.parse_args()
    asked.rounds = asked.rounds or (2 if asked.quick else FEWEST_ROUNDS)
    asked.seconds = asked.seconds or (1 if asked.quick else 2)
    asked.waiters = asked.waiters or (2_000 if asked.quick else 10_000)
    return asked


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # by now everything that was started has been ended
        raise SystemExit(130) from None
