"""`lro serve` and the other commands together: a process of its own, on real ports and files."""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import grpc
import pytest

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from tests.longrunning.commands.conftest import LRO

PARENT = "projects/p/locations/l"
REPOSITORY = Path(__file__).parents[3]
MODULE = """
import asyncio
from pathlib import Path

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning import App, MemoryStore, Operations

operations = Operations(MemoryStore())


@operations.handler(response=scanner_pb2.Manifest, metadata=scanner_pb2.ScanMetadata)
async def scan(request: scanner_pb2.ScanRequest, operation) -> scanner_pb2.Manifest:
    await operation.report(scanner_pb2.ScanMetadata(progress_percent=40))
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    return scanner_pb2.Manifest(bytes_total=3)


class Scanner(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        return await operations.start(scan, request, context=context, parent=request.parent)


app = App(operations, servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, Scanner())])
faulty = App(operations, service_configs=["faulty_v1.yaml"])
misfit = App(operations, servicers=[(len, Scanner())])
other = App(Operations(MemoryStore()))
twins = [App(operations, service=operations.for_service("dataproc_v1")) for _ in range(2)]
faulty_door = App(operations, service=operations.for_service("faulty_v1.yaml"))
"""

ABSENT = """
from longrunning import App, MemoryStore, Operations

operations = Operations(MemoryStore())
app = App(operations, service=operations.for_service("nowhere_v1.yaml"))
"""


FAULTY = """
type: google.api.Service
name: faulty.example.com
http:
  rules:
  - selector: google.longrunning.Operations.GetOperation
    get: /v1/{name=operations/*
  - selector: google.longrunning.Operations.CancelOperation
    post: /v1/{name=operations/*
"""


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Starts `lro serve shop:app` and returns the process and the line it printed."""
    (tmp_path / "shop.py").write_text(MODULE)
    (tmp_path / "faulty_v1.yaml").write_text(FAULTY)
    (tmp_path / "absent.py").write_text(ABSENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    started = []

    def start(*options):
        process = subprocess.Popen(
            [LRO, "serve", "shop:app", "--grpc=127.0.0.1:0", "--http=127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        line = process.stdout.readline()
        if line:
            monkeypatch.setenv("LRO_ADDRESS", re.search(r"gRPC on (\S+)", line)[1])
        return process, line

    yield start
    for process in started:
        process.kill()
        process.communicate()


def start_scan():
    with grpc.insecure_channel(os.environ["LRO_ADDRESS"]) as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        return stub.Scan(scanner_pb2.ScanRequest(parent=PARENT), timeout=20).name


def test_an_operation_is_served_followed_and_still_there_after_a_restart(
    serve, lro_process, tmp_path
):
    process, line = serve("--store", "sqlite:///operations.db")
    assert re.fullmatch(
        r"lro: serving gRPC on 127\.0\.0\.1:[0-9]+ and HTTP on http://127\.0\.0\.1:[0-9]+, "
        r"operations in sqlite:///\S*operations\.db\n",
        line,
    )
    name = start_scan()
    assert lro_process("list", PARENT, "--filter", "done = false").out.endswith(f"  {name}\n")
    (tmp_path / "go").touch()
    code, out, err = lro_process("wait", name)
    assert (code, err) == (0, "")
    assert "state     done\n" in out
    assert "progress  40 %\n" in out
    assert "    bytesTotal  3\n" in out
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    serve("--store", "sqlite:///operations.db")
    assert lro_process("get", name).out == out


def test_a_cancelled_operation_ends_the_waiting_with_exit_code_1(serve, lro_process):
    serve()
    name = start_scan()
    assert lro_process("cancel", name).code == 0
    code, out, err = lro_process("wait", name)
    assert (code, err) == (1, f"lro: {name} was cancelled\n")
    assert "error     CANCELLED: " in out
    assert lro_process("delete", name) == (0, f"Deleted {name}.\n", "")
    assert lro_process("get", name) == (
        2,
        "",
        f"lro: Operation '{name}' was not found. (NOT_FOUND)\n",
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["shop:app", "--grpc", "{taken}"],
            r"cannot listen on --grpc {taken}: address already in use; .*",
        ),
        (
            ["shop:app", "--http", "{taken}"],
            r"cannot listen on --http {taken}: address already in use; .*",
        ),
        (
            ["shop:app", "--http", "8080"],
            r"--http '8080' is not an address: expected HOST:PORT, .*",
        ),
        (["shop:app", "--store", "mysql://x"], r".*mysql.*"),
        (["shop:app", "--store", "sqlite:///missing/operations.db"], r"the store cannot be .*"),
        (["shop:app", "--store", "sqlite:///shop.py"], r"the store cannot be opened: .*"),
        (["shop:app", "--store", "postgresql://[::bad"], r"the store cannot be opened: .*"),
        (
            ["shop:app", "--grpc", f"{'a' * 80}:0"],
            rf"cannot listen on --grpc {'a' * 80}:0: no such host; name an address .*",
        ),
        (["shop:app", "--http", "..:0"], r"cannot listen on --http \.\.:0: no such host; .*"),
        (
            ["shop:faulty"],
            r"faulty_v1\.yaml: google\.longrunning\.Operations\.GetOperation, column 23: .*; "
            r"faulty_v1\.yaml: google\.longrunning\.Operations\.CancelOperation, column 23: .*",
        ),
        (
            ["shop:twins", "shop:faulty_door"],
            r"faulty_v1\.yaml: google\.longrunning\.Operations\.GetOperation, column 23: .*; "
            r"faulty_v1\.yaml: google\.longrunning\.Operations\.CancelOperation, column 23: .*",
        ),
        (
            ["absent:app"],
            r"importing absent failed: ServiceConfigError: nowhere_v1\.yaml: the file "
            r"'nowhere_v1\.yaml' cannot be read: No such file or directory \(absent\.py, line 5\)",
        ),
        (
            ["shop:app", "shop:other"],
            r"the 2 apps have 2 Operations between them: the doors of one process share one "
            r"Operations object, with one store",
        ),
        (
            ["shop:twins", "--http-by-host", "127.0.0.1:0"],
            r"two of the apps are doors of dataproc\.googleapis\.com: --http-by-host cannot tell "
            r"them apart; give their service files different names",
        ),
        (
            ["shop:app", "--http-by-host", "{taken}"],
            r"cannot listen on --http-by-host {taken}: address already in use; .*",
        ),
        (
            ["shop:app", "--http-by-host", "8080"],
            r"--http-by-host '8080' is not an address: expected HOST:PORT, .*",
        ),
        (
            ["shop:twins", "--http", "127.0.0.1:65535"],
            r"--http 127\.0\.0\.1:65535 leaves too few ports: .*; begin lower",
        ),
        (["shop:ap"], r"shop has no attribute 'ap'; did you mean 'app'\?"),
        (["shop:misfit"], r"serving shop:misfit failed: TypeError: .*"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(serve, lro_process, arguments, line):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        free = ["--grpc=127.0.0.1:0", "--http=127.0.0.1:0"]
        given = [argument.replace("{taken}", taken) for argument in arguments]
        code, out, err = lro_process("serve", *free, *given)
    assert (code, out) == (2, "")
    assert "strict=False" not in err
    assert re.fullmatch(f"lro: {line}\n".replace("{taken}", re.escape(taken)), err)
