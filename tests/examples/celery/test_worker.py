"""The Celery example: a real service, a real worker, and a directory between them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.rpc import code_pb2, error_details_pb2

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from examples.scanner._gen.scanner_pb2_grpc import ScannerStub
from examples.scanner.server_process import CHECKOUT, ServerProcess

PATIENCE = 60.0
PARENT = "projects/p/locations/l"
ARGUMENTS = (
    *("--app", "examples.celery.tasks", "worker"),
    *("--concurrency", "1", "--loglevel", "INFO"),
)


class Worker:
    """A Celery worker, and the process that does its tasks."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", *ARGUMENTS],
                cwd=CHECKOUT,
                env=os.environ | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        until(lambda: "celery@" in self.log() and " ready." in self.log(), self.log)

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0, self.log()


class Calls:
    """The two gRPC services."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._scanner = ScannerStub(channel)
        self._operations = operations_pb2_grpc.OperationsStub(channel)

    def scan(self, directory: str, request_id: str = "") -> str:
        request = ScanRequest(parent=PARENT, directory=directory, request_id=request_id)
        name: str = self._scanner.Scan(request, timeout=PATIENCE).name
        return name

    def get(self, name: str) -> operations_pb2.Operation:
        request = operations_pb2.GetOperationRequest(name=name)
        return self._operations.GetOperation(request, timeout=PATIENCE)

    def cancel(self, name: str) -> None:
        request = operations_pb2.CancelOperationRequest(name=name)
        self._operations.CancelOperation(request, timeout=PATIENCE)

    def wait(self, name: str) -> operations_pb2.Operation:
        request = operations_pb2.WaitOperationRequest(name=name)
        done = self._operations.WaitOperation(request, timeout=PATIENCE)
        assert done.done
        return done

    def bytes_done(self, name: str) -> int:
        metadata = ScanMetadata()
        assert self.get(name).metadata.Unpack(metadata)
        return metadata.bytes_done


@pytest.fixture
def lease() -> float:
    """As long as a worker may take to begin on a busy machine; shorter where it is to be over."""
    return 60.0


@pytest.fixture
def environment(tmp_path: Path, lease: float) -> dict[str, str]:
    root = tmp_path / "root"
    (root / "small").mkdir(parents=True)
    (root / "small" / "a.txt").write_text("alpha")
    (root / "huge").mkdir()
    with (root / "huge" / "zeros").open("wb") as file:
        file.truncate(1 << 42)  # a hole: it takes no room, and more than an hour
    return {
        "SCAN_QUEUE": str(tmp_path / "queue"),
        "SCAN_DB": str(tmp_path / "scans.db"),
        "SCAN_LEASE": str(lease),
        "SCANNER_ROOT": str(root),
    }


@pytest.fixture
def calls(environment: dict[str, str], tmp_path: Path) -> Iterator[Calls]:
    with ServerProcess(
        "examples.celery.service:app",
        store=f"sqlite:///{tmp_path / 'scans.db'}",
        log=tmp_path / "server.log",
        environment=environment,
    ) as server:
        server.start()
        with grpc.insecure_channel(server.grpc) as channel:
            yield Calls(channel)
        assert server.stop() == 0, server.log()


@pytest.fixture
def worker(environment: dict[str, str], tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(environment, tmp_path / "celery.log")
    yield worker
    if worker.process.poll() is None:
        worker.kill()


def until(condition: Callable[[], object], told: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def test_the_task_does_the_work_and_ends_the_operation(calls: Calls, worker: Worker) -> None:
    name = calls.scan("small")
    manifest = Manifest()
    assert calls.wait(name).response.Unpack(manifest)
    assert [(file.path, file.size) for file in manifest.files] == [("a.txt", 5)]
    # Asked again, the service may send another task; the operation stays as it is.
    first = calls.scan("small", request_id="1")
    done = calls.wait(first)
    assert calls.scan("small", request_id="1") == first
    assert calls.get(first) == done
    worker.stop()


@pytest.mark.parametrize("lease", [10.0])
def test_a_cancellation_reaches_the_task(calls: Calls, worker: Worker, lease: float) -> None:
    name = calls.scan("huge")
    until(lambda: calls.bytes_done(name), worker.log)
    # It lives longer than its lease, since it reports.
    begun = time.monotonic()
    until(lambda: time.monotonic() - begun > lease * 1.5)
    assert not calls.get(name).done
    calls.cancel(name)
    assert calls.wait(name).error.code == code_pb2.CANCELLED
    # Its process is free again.
    assert calls.wait(calls.scan("small")).HasField("response")
    worker.stop()


@pytest.mark.parametrize("lease", [10.0])
def test_the_operation_of_a_killed_worker_ends_after_its_lease(
    calls: Calls, worker: Worker
) -> None:
    name = calls.scan("huge")
    until(lambda: calls.bytes_done(name), worker.log)
    worker.kill()
    done = calls.wait(name)
    info = error_details_pb2.ErrorInfo()
    assert done.error.details[0].Unpack(info)
    assert (done.error.code, info.reason) == (code_pb2.ABORTED, "WORKER_LOST")


@pytest.mark.parametrize("lease", [5.0])
def test_the_operation_of_a_task_that_nobody_takes_ends_after_its_lease(calls: Calls) -> None:
    assert calls.wait(calls.scan("small")).error.code == code_pb2.ABORTED


def test_what_the_work_refuses_is_the_error_of_the_operation(
    calls: Calls, worker: Worker, environment: dict[str, str]
) -> None:
    (Path(environment["SCANNER_ROOT"]) / "small" / os.fsdecode(b"\xff")).touch()
    done = calls.wait(calls.scan("small"))
    info = error_details_pb2.ErrorInfo()
    assert done.error.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("FILE_NAME_NOT_UTF8", "scans.longrunning.example")
