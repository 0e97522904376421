"""What routing and transcoding cost, without a socket: `python -m benchmarks.transcoding.figures`.

Prints medians of several rounds with their spread, and writes them as JSON to
`benchmarks/results/transcoding.json`. `--quick` makes fewer rounds.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format

from grpc_transcoding import ReplyCache, Transcoder
from tests.grpc_transcoding.anchors import load
from tests.grpc_transcoding.bindings.routing import router_of

RESULTS = Path(__file__).parents[1] / "results" / "transcoding.json"
NAME = "projects/p/locations/l/operations/o"
PATH = f"/v1/{NAME}".encode()


class Passes(grpc.aio.ServerInterceptor):
    """Looks at nothing."""

    async def intercept_service(self, continuation, details):
        return await continuation(details)


def operation() -> operations_pb2.Operation:
    """An operation of about 250 bytes."""
    made = operations_pb2.Operation(name=NAME, done=True)
    made.metadata.Pack(operations_pb2.ListOperationsRequest(name="x" * 40, filter="y" * 20))
    made.response.Pack(operations_pb2.ListOperationsRequest(name="z" * 60))
    return made


OPERATION = operation()
JSON = json_format.MessageToJson(OPERATION, indent=None).encode()


class Operations(operations_pb2_grpc.OperationsServicer):
    """Answers at once."""

    async def GetOperation(self, request, context):  # noqa: N802 - named by the proto
        return OPERATION


def transcoder(**options) -> Transcoder:
    made = Transcoder(**options)
    operations_pb2_grpc.add_OperationsServicer_to_server(Operations(), made)
    made.build()
    return made


def lookups() -> dict[str, Callable[[int], None]]:
    rules = set()
    for service in load("google_operations_bindings.jsonl"):
        for _, method, template, _, *additional in service["rules"]:
            rules.add((method.upper(), template))
            rules.update((method.upper(), template) for method, template, _ in additional)
    ten = [("GET", "/v1/{name=projects/*/locations/*/operations/*}")]
    ten += [("GET", f"/v1/{{name=projects/*/kinds{n}/*}}") for n in range(9)]
    routers = {
        "lookup among 10 templates": router_of(ten)[0],
        f"lookup among all {len(rules)} of Google's": router_of(sorted(rules))[0],
    }

    def find(router) -> Callable[[int], None]:
        def run(count: int) -> None:
            for _ in range(count):
                router.find("GET", PATH)

        return run

    return {name: find(router) for name, router in routers.items()}


def calls() -> dict[str, Callable[[int], None]]:
    apps = {
        "GetOperation, JSON known": transcoder(reply_encoder=lambda *_: JSON),
        "GetOperation, JSON in a ReplyCache": transcoder(reply_encoder=ReplyCache()),
        "GetOperation, JSON written": transcoder(),
        "GetOperation, two interceptors, JSON known": transcoder(
            interceptors=[Passes(), Passes()], reply_encoder=lambda *_: JSON
        ),
    }
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "path": "/v1/operations/o",
        "raw_path": b"/v1/operations/o",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"user-agent", b"bench"), (b"accept", b"*/*")],
        "client": ("127.0.0.1", 1),
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_event):
        pass

    def run_of(app) -> Callable[[int], None]:
        async def repeat(count: int) -> None:
            for _ in range(count):
                await app(scope, receive, send)

        return lambda count: asyncio.run(repeat(count))

    return {name: run_of(app) for name, app in apps.items()}


def message_to_json(count: int) -> None:
    for _ in range(count):
        json_format.MessageToJson(OPERATION)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 5 if parser.parse_args().quick else 25
    cases = {**lookups(), "json_format.MessageToJson alone": message_to_json, **calls()}
    samples: dict[str, list[float]] = {name: [] for name in cases}
    count = 1000
    for _ in range(rounds):  # in turn, so that a busy moment does not hit one case alone
        for name, run in cases.items():
            begin = time.perf_counter()
            run(count)
            samples[name].append((time.perf_counter() - begin) / count * 1e6)
    figures = {}
    for name, values in samples.items():
        quartiles = statistics.quantiles(values, n=4)
        figures[name] = {
            "median_us": round(quartiles[1], 2),
            "iqr_us": round(quartiles[2] - quartiles[0], 2),
        }
        print(f"{name:46} {quartiles[1]:8.2f} us  +- {figures[name]['iqr_us']:.2f}")
    few, everything = (figures[name]["median_us"] for name in list(cases)[:2])
    figures["ratio of lookups"] = round(everything / few, 2)
    print(f"{'lookup among all / among ten':46} {figures['ratio of lookups']:8.2f}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"python": sys.version.split()[0], "figures": figures}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
