"""ASGI servers with HTTP/2 trailers, each in a process of its own."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.serving.processes import CHECKOUT, Process, free_port
from benchmarks.serving.servers import Server

PYVOY = ".venv-pyvoy/bin/pyvoy"
UVICORN = ["python", "-m", "benchmarks.grpc_over_asgi.uvicorn_server"]
COMMANDS = {
    "uvicorn": [*UVICORN, "{app}", "{port}"],
    "uvicorn as it is": [*UVICORN, "{app}", "{port}", "--as-it-is"],
    "pyvoy": [str(CHECKOUT / PYVOY), "{app}", "--port", "{port}", "--worker-threads", "1"],
    "hypercorn": [
        *("python", "-m", "hypercorn", "--bind", "127.0.0.1:{port}"),
        *("--worker-class", "uvloop", "--log-level", "warning", "{app}"),
    ],
}
"""pyvoy is in an environment of its own: it pins another Envoy than the one of `make bench`."""


@contextlib.contextmanager
def one_port(
    kind: str, app: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Runs an ASGI application, `module:name`, that answers gRPC and REST on the same port.

    Args:
        kind: one of `COMMANDS`.
        app: what is served.
        folder: for its log.
        environment: variables to add to our own.

    Raises:
        SystemExit: it does not start.
    """
    port = free_port()
    command = [word.format(app=app, port=port) for word in COMMANDS[kind]]
    if kind == "pyvoy" and not (CHECKOUT / PYVOY).exists():
        raise SystemExit(f"{PYVOY} is missing: make .venv-pyvoy/.done")
    variables = {"PYTHONPATH": os.fspath(CHECKOUT), **(environment or {})}
    with Process(command, folder / f"{kind.split(maxsplit=1)[0]}.log", variables) as process:
        process.wait_for_port(port)
        address = f"127.0.0.1:{port}"
        yield Server(processes=(process,), grpc=address, http=address)
