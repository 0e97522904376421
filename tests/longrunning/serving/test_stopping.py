"""A stop that ends, whatever the work does."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import ScanRequest

ROOT = Path(__file__).parents[3]
LRO = Path(sys.executable).with_name("lro")
APP = """
import asyncio
from pathlib import Path

from examples.scanner._gen import scanner_pb2_grpc
from longrunning import App, MemoryStore, Operations

operations = Operations(MemoryStore())

@operations.handler()
async def deaf(request, operation):
    Path("begun").touch()
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

class Deaf(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        return await operations.start(deaf, request, context=context)

app = App(operations, servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, Deaf())])
"""


@contextlib.contextmanager
def serving(folder: Path, drain: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    (folder / "deaf.py").write_text(APP)
    addresses = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    process = subprocess.Popen(
        [LRO, "serve", "deaf:app", *addresses, "--drain", drain],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        match = re.search(r"gRPC on (\S+)", process.stdout.readline())
        assert match
        yield process, match[1]
    finally:
        process.kill()
        process.communicate()


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start(address: str) -> operations_pb2.Operation:
    with grpc.insecure_channel(address) as channel:
        operation = scanner_pb2_grpc.ScannerStub(channel).Scan(ScanRequest(), timeout=20)
        stub = operations_pb2_grpc.OperationsStub(channel)
        return stub.GetOperation(operations_pb2.GetOperationRequest(name=operation.name))


def test_work_that_swallows_its_cancellation_does_not_hold_up_the_stop(tmp_path: Path) -> None:
    with serving(tmp_path, drain="0") as (process, address):
        assert not start(address).done
        until((tmp_path / "begun").exists)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "left 1 tasks behind that do not heed their cancellation" in errors
    assert "Traceback" not in errors


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, drain="60") as (process, address):
        assert not start(address).done
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
        assert process.returncode == 128 + signal.SIGTERM


def test_signals_that_come_together_are_one(tmp_path: Path) -> None:
    with serving(tmp_path, drain="0") as (process, address):
        assert not start(address).done
        process.send_signal(signal.SIGSTOP)  # or else we could be slow to send them
        for _ in range(3):
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_request_that_is_no_message_is_refused_as_wrong(tmp_path: Path) -> None:
    with serving(tmp_path, drain="0") as (_, address), grpc.insecure_channel(address) as channel:
        get = channel.unary_unary("/google.longrunning.Operations/GetOperation")
        with pytest.raises(grpc.RpcError) as refused:
            get(b"\xff\xff", timeout=20)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.details() == "The request cannot be parsed as a message of its type."
