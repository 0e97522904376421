"""Start to result of an empty piece of work: this project beside dbos, procrastinate and Ray.

python -m benchmarks.work [--rounds 5]

Every round runs all contestants once, each in processes of its own on a fresh database. What is
compared does not promise the same: bare Ray tasks keep nothing, procrastinate keeps no results.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import psycopg

from tests.longrunning.stores.postgres_server import PostgresServer

RESULTS = Path(__file__).parents[1] / "results" / "work.json"
LONGEST = 180.0

# What is run, where it keeps its state, and how many pieces of work.
CONTESTANTS = {
    "longrunning, in process, SQLite": ("longrunning_in_process", "sqlite", 5000),
    "dbos, in process, SQLite": ("dbos_in_process", "sqlite", 1000),
    "longrunning, two workers, PostgreSQL": ("longrunning_workers", "postgres", 5000),
    "longrunning, in process, PostgreSQL": ("longrunning_in_process", "postgres", 5000),
    "dbos, in process, PostgreSQL": ("dbos_in_process", "postgres", 1000),
    "dbos, two workers, PostgreSQL": ("dbos_workers", "postgres", 1000),
    "procrastinate, two workers, PostgreSQL": ("procrastinate_workers", "postgres", 3000),
    "Ray, bare tasks, nothing kept": ("ray_tasks", "nothing", 5000),
}


def run(module: str, url: str, total: int) -> dict[str, float]:
    """Runs one contestant, and returns its figures."""
    ran = subprocess.run(
        [sys.executable, "-m", f"benchmarks.work.{module}", url, str(total)],
        check=False,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env={**os.environ, "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "GRPC_VERBOSITY": "NONE"},
    )
    if ran.returncode:
        raise SystemExit(f"{module} failed:\n{ran.stderr[-3000:]}")
    figures: dict[str, float] = json.loads(ran.stdout[ran.stdout.index("{") :])
    return figures


def main(rounds: int) -> None:
    measured: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="lro-bench-") as folder, PostgresServer() as server:
        for number in range(rounds):
            for name, (module, kind, total) in CONTESTANTS.items():
                database = f"{module}_{number}"
                url = f"sqlite:///{folder}/{database}.db"
                if kind == "postgres":
                    with psycopg.connect(server.url, autocommit=True) as connection:
                        connection.execute(f'CREATE DATABASE "{database}"')
                    url = server.url.replace("/postgres?", f"/{database}?")
                measured[name].append(run(module, url, total))
                print(f"{number + 1}/{rounds} {name}", file=sys.stderr)
    print("| who | latency at idle p50, p99 (ms) | finished a second, 256 callers |")
    print("| --- | --- | --- |")
    for name, figures in measured.items():
        p50, p99 = (statistics.median(each[key] for each in figures) for key in ("p50", "p99"))
        rates = sorted(each["throughput"] for each in figures)
        spread = f"{statistics.median(rates):,.0f} ({rates[0]:,.0f} to {rates[-1]:,.0f})"
        print(f"| {name} | {p50:.2f}, {p99:.2f} | {spread} |")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(measured, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(parser.parse_args().rounds)
