"""The load generators, always the same: h2load for gRPC, wrk for REST.

Both run a fixed number of seconds with a fixed number of requests under way, so a run is bounded
whatever the server does. A reply that is not the expected one ends the benchmark.
"""

import json
import math
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from google.protobuf.message import Message

from benchmarks.serving.processes import Process

CONNECTIONS, STREAMS = 4, 16
"""Of gRPC; REST has as many connections as gRPC has streams in all."""

MISSING = "{} is missing: apt-get install nghttp2-client wrk"
OPERATIONS = "google.longrunning.Operations"

_REQUESTS = re.compile(
    r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored"
)
_SECONDS = re.compile(r"finished in ([\d.]+)(us|ms|s),")
_DATA = re.compile(r"traffic: .*, \S+ \((\d+)\) data")
_SCALE = {"us": 1e-6, "ms": 1e-3, "s": 1.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What a server was given, and took."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GrpcTarget:
    """One request, again and again, to a gRPC server.

    h2load sends one body and the same headers, so all requests are of one client for one operation.

    Attributes:
        address: `host:port`.
        method: `pkg.Service/Method`.
        request: what is sent.
        reply_bytes: how long the right reply is, serialized; an error has none.
        headers: of every request, such as credentials.
        rate: how many requests a second, None for as many as are answered.
    """

    address: str
    method: str
    request: Message
    reply_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: int | None = None

    def command(self, seconds: int, body: Path) -> list[str]:
        """Returns what makes the load; it reads a file that this writes."""
        raw = self.request.SerializeToString()
        body.write_bytes(b"\0" + len(raw).to_bytes(4, "big") + raw)
        return [
            *("h2load", "-D", f"{seconds}", "-c", str(CONNECTIONS), "-m", str(STREAMS), "-t", "1"),
            *(("--rps", f"{self.rate / CONNECTIONS}") if self.rate else ()),
            *("-d", str(body), "-H", "content-type: application/grpc", "-H", "te: trailers"),
            *(word for item in self.headers.items() for word in ("-H", ": ".join(item))),
            f"http://{self.address}/{self.method}",
        ]

    def load(self, printed: str) -> Load:
        """Reads what the generator prints; raises SystemExit if a reply was not the right one."""
        counts, time, data = (pattern.search(printed) for pattern in (_REQUESTS, _SECONDS, _DATA))
        if not (counts and time and data):
            raise SystemExit(f"h2load printed something else than expected:\n{printed}")
        _, done, succeeded, failed, errored = map(int, counts.groups())
        expected = succeeded * (self.reply_bytes + 5)
        # What is under way at the end of the time is cut off, and is no request that was answered.
        if not done or failed or errored > CONNECTIONS * STREAMS or int(data[1]) < expected:
            raise SystemExit(f"{self.method} at {self.address} does not answer well:\n{printed}")
        return Load(succeeded, float(time[1]) * _SCALE[time[2]])


@dataclass(frozen=True, slots=True, kw_only=True)
class RestTarget:
    """GETs of some paths in turn from an HTTP/1.1 server.

    Attributes:
        address: `host:port`.
        paths: what is asked for.
        reply_bytes: how short a right reply can be, with its head: its JSON is longer than what
            gRPC sends.
        clients: the headers of each client, such as credentials; they ask in turn.
    """

    address: str
    paths: list[str]
    reply_bytes: int
    clients: list[Mapping[str, str]] = field(default_factory=lambda: [{}])

    def command(self, seconds: int, requests: Path) -> list[str]:
        """Returns what makes the load; it reads a file that this writes."""
        # A path is asked for by one client after another if their numbers have no common factor.
        asked = math.lcm(len(self.paths), len(self.clients))
        lines = zip(cycle(self.paths), cycle(self.clients), range(asked), strict=False)
        requests.write_text(
            "".join(
                "\t".join((path, *(word for item in client.items() for word in item))) + "\n"
                for path, client, _ in lines
            )
        )
        return [
            *("wrk", "-t", "1", "-c", str(CONNECTIONS * STREAMS), "-d", f"{seconds}s"),
            # What is slow shows in the figures; it counts what takes longer than this as an error.
            *("--timeout", "30s"),
            *("-s", str(Path(__file__).with_name("get_paths.lua"))),
            *(f"http://{self.address}", "--", str(requests)),
        ]

    def load(self, printed: str) -> Load:
        """Reads what the generator prints; raises SystemExit if a reply was not the right one."""
        told = json.loads(printed[printed.index("\n{") :])
        least = told["requests"] * self.reply_bytes
        if not told["requests"] or told["errors"] or told["bytes"] < least:
            raise SystemExit(f"{self.paths[0]} at {self.address} does not answer well:\n{printed}")
        return Load(told["requests"], told["microseconds"] / 1e6)


Target = GrpcTarget | RestTarget


def generate(targets: list[Target], seconds: int, folder: Path) -> list[Load]:
    """Puts load on some servers at the same time, and returns what each of them took.

    Args:
        targets: what is asked for.
        seconds: how long, whole ones.
        folder: for files of the generators.
    """
    log = folder / "generators.log"
    with ExitStack() as running, ThreadPoolExecutor(len(targets)) as waiting:
        made = [
            running.enter_context(Process(target.command(seconds, folder / f"load{number}"), log))
            for number, target in enumerate(targets)
        ]
        printed = list(waiting.map(lambda process: process.output(seconds * 3 + 30), made))
    return [target.load(output) for target, output in zip(targets, printed, strict=True)]


def check_installed() -> None:
    """Raises SystemExit, with what installs it, if a generator is missing."""
    for name in ("h2load", "wrk"):
        if shutil.which(name) is None:
            raise SystemExit(MISSING.format(name))
