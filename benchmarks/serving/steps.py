"""What each step of GetOperation costs, inside one process: `python -m benchmarks.serving.steps`.

One finished operation of a SQLite store, asked for again and again. Prints the least CPU of many
short rounds, in microseconds, the steps in turn; the network and the server before the application
are not in it. A step holds all steps above it that it needs.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format

from benchmarks.serving.authentication import Issuer
from benchmarks.serving.checking import AUDIENCE, ISSUER, JWKS
from benchmarks.stores.records import REQUEST, records
from grpc_transcoding import ReplyCache, Transcoder
from longrunning import App, Operations, SQLiteStore
from longrunning.auth import Authenticator, JWTVerifier
from longrunning.services import find_service_config
from longrunning.serving.transport_limits import DEFAULT_LIMITS
from longrunning.serving.wait_limit import WaitLimit

ROUNDS, CALLS = 100, 500
Step = Callable[[], object]


def finished(make: Callable[[], Coroutine[Any, Any, object]]) -> Step:
    """Returns what runs a coroutine that waits for nothing."""

    def run() -> object:
        try:
            make().send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("it waits for something")

    return run


def scope_of(name: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path = f"/v1/{name}"
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (key.encode(), value.encode())
            for key, value in ({"host": "127.0.0.1:8080"} | headers).items()
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8080),
    }


def least(steps: dict[str, Step]) -> dict[str, float]:
    """Returns the microseconds of CPU that a call of each takes at least."""
    found = dict.fromkeys(steps, float("inf"))
    for _ in range(ROUNDS):
        for step, run in steps.items():
            began = time.process_time_ns()
            for _ in range(CALLS):
                run()
            found[step] = min(found[step], (time.process_time_ns() - began) / CALLS / 1000)
    return found


class Constant(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped base
    """Answers at once, always the same."""

    def __init__(self, reply: operations_pb2.Operation) -> None:
        self._reply = reply

    async def GetOperation(self, _request: object, _context: object) -> operations_pb2.Operation:  # noqa: N802 - named by the proto
        return self._reply


async def receive() -> dict[str, Any]:
    raise AssertionError("a GET has no body")


async def send(event: dict[str, Any]) -> None:
    if event["type"] == "http.response.start":
        assert event["status"] == 200


async def measured(folder: Path) -> dict[str, float]:
    """Returns the microseconds of each step."""
    store = SQLiteStore(folder / "steps.db")
    operations = Operations(store)
    issuer = Issuer(folder)
    keys = issuer.environment[JWKS]
    authenticator = Authenticator([JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=keys)])
    served, authenticated = (
        app.transcoder(limits=DEFAULT_LIMITS.of_requests, innermost=(WaitLimit(DEFAULT_LIMITS),))
        for app in (App(operations), App(operations, authenticator=authenticator))
    )
    async with operations:
        made = list(records(10))
        for record in made:
            await store.create(record, REQUEST)
        name = next(record.name for record in made if record.state.done)
        reply = await operations.get(name)
        alone = Transcoder(
            service_configs=[find_service_config("operations_v1")], reply_encoder=ReplyCache()
        )
        operations_pb2_grpc.add_OperationsServicer_to_server(Constant(reply), alone)
        alone.build()
        scope = scope_of(name, {})
        token = issuer.headers()
        scope_of_caller = scope_of(name, token)
        metadata = tuple(token.items())
        await authenticator.authenticate("", metadata, None)
        return least(
            {
                "parsing the operation": lambda: operations_pb2.Operation.FromString(
                    made[0].operation
                ),
                "serialising the reply": reply.SerializeToString,
                "json_format.MessageToJson of the reply": lambda: json_format.MessageToJson(reply),
                "SQLiteStore.get": finished(lambda: store.get(name)),
                "Operations.get": finished(lambda: operations.get(name)),
                "the transcoder before a constant": finished(lambda: alone(scope, receive, send)),
                "the transcoder as lro serve has it": finished(
                    lambda: served(scope, receive, send)
                ),
                "Authenticator.authenticate, a JWT that was seen before": finished(
                    lambda: authenticator.authenticate("", metadata, None)
                ),
                "the transcoder as lro serve has it, authenticated": finished(
                    lambda: authenticated(scope_of_caller, receive, send)
                ),
            }
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for step, microseconds in asyncio.run(measured(Path(folder))).items():
            print(f"| {step} | {microseconds:.2f} |")


if __name__ == "__main__":
    main()
