"""Where the time of GetOperation goes: py-spy on `lro serve` under load.

    python -m benchmarks.serving.profile grpc|rest [--store SQLite] [--seconds 10] [--native]
        [--authentication on]

Prints the functions that were running most (of their own, and with what they call) as parts of the
samples of the loop's thread while it did something, and writes the stacks to
benchmarks/results/profile-*.txt in the collapsed form that flame graphs are drawn from.
"""

import argparse
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.serving import processes
from benchmarks.serving.authentication import Issuer
from benchmarks.serving.generators import Target, check_installed, generate
from benchmarks.serving.loading import get_over_grpc, get_over_rest
from benchmarks.serving.options import Options
from benchmarks.serving.processes import Process
from benchmarks.serving.report import RESULTS
from benchmarks.serving.servers import Server
from benchmarks.serving.stores import KINDS, Places, contents, served

SHOWN = 40
RATE = 500  # samples a second


def sampled(server: Server, target: Target, native: bool, options: Options) -> list[str]:
    """Returns the stacks of a server under load, collapsed: `outer;inner count`."""
    stacks = options.folder / "stacks"
    (process,) = server.processes
    seconds = options.seconds
    command = ["py-spy", "record", "--pid", str(process.pid), "--format", "raw"]
    command += ["--rate", str(RATE), "--duration", str(seconds), "--output", str(stacks)]
    command += ["--native"] if native else ["--gil"]
    with (
        ThreadPoolExecutor(1) as loading,
        Process(command, options.folder / "py-spy.log") as spy,
    ):
        load = loading.submit(generate, [target], seconds + 2, options.folder)
        spy.output(seconds * 2 + 60)
        (taken,) = load.result()
    print(f"{taken.requests / taken.seconds:,.0f} requests/s while it was watched\n")
    return stacks.read_text().splitlines()


def print_functions(stacks: list[str]) -> None:
    """Prints the functions that most samples were in."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] or frame for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    samples = sum(own.values())
    for title, counted in (("its own", own), ("with what it calls", whole)):
        print(f"| % {title} | function |\n| --- | --- |")
        for frame, count in counted.most_common(SHOWN):
            print(f"| {count / samples:.1%} | {frame} |")
        print()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("door", choices=("grpc", "rest"))
    parser.add_argument("--store", choices=KINDS, default="SQLite")
    parser.add_argument("--seconds", type=int, choices=range(1, 61), default=10, metavar="1..60")
    parser.add_argument("--native", action="store_true", help="with the functions of C extensions")
    parser.add_argument("--authentication", choices=("off", "on"), default="off")
    asked = parser.parse_args()
    processes.end_on_signals()
    check_installed()
    with tempfile.TemporaryDirectory(prefix="lro-bench-", ignore_cleanup_errors=True) as folder:
        issuer = Issuer(Path(folder)) if asked.authentication == "on" else None
        options = Options(
            folder=Path(folder), quick=False, rounds=1, seconds=asked.seconds, kinds=(),
            operations=10_000, waiters=0, issuer=issuer,
        )  # fmt: skip
        with (
            Places(options.folder) as places,
            served(places, asked.store, options.operations, options) as server,
        ):
            held = contents(server, options)
            size = held.finished_bytes
            target: Target = get_over_rest(server, held.finished, size, options)
            if asked.door == "grpc":
                target = get_over_grpc(server, held.finished[0], size, options)
            stacks = sampled(server, target, asked.native, options)
    print_functions(stacks)
    written = RESULTS / f"profile-{asked.door}-{asked.store}.txt"
    written.parent.mkdir(exist_ok=True)
    written.write_text("\n".join(stacks) + "\n")


if __name__ == "__main__":
    main()
