"""`lro serve` and `lro worker` under observation, as processes: logs, traces and metrics."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from google.longrunning import operations_pb2, operations_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc

CHECKOUT = Path(__file__).resolve().parents[3]
LRO = Path(sys.executable).with_name("lro")
TARGET = "tests.longrunning.telemetry.observed_app:app"
PATIENCE = 30.0

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
CALLER_ID = "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE_ID}-{CALLER_ID}-01"
PARENT = "projects/p/locations/l"


class Process:
    """A process of `lro` that has said that it is ready."""

    def __init__(self, folder: Path, *command: str) -> None:
        self._errors = folder / f"errors-{time.monotonic_ns()}"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                [LRO, *command],
                cwd=CHECKOUT,
                env=os.environ | {"LRO_SPANS": str(folder)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._process.stdout is not None
        self.ready = self._process.stdout.readline()
        assert self.ready, self.log()

    @property
    def pid(self) -> int:
        return self._process.pid

    def log(self) -> str:
        return self._errors.read_text()

    def lines(self) -> list[dict[str, Any]]:
        """Returns what is in the log, each line of which has to be an object."""
        lines = [json.loads(line) for line in self.log().splitlines()]
        assert all(
            {"time", "level", "logger", "message"} <= line.keys()
            and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
            for line in lines
        )
        return lines

    def states(self, name: str) -> list[tuple[str, int, int, str, str, str]]:
        fields = ("state", "revision", "attempt", "handler", "trace_id", "span_id")
        return [
            tuple(line[field] for field in fields)  # type: ignore[misc]
            for line in self.lines()
            if line.get("operation") == name
        ]

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(PATIENCE) == 0, self.log()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


Lro = Callable[..., Process]


@pytest.fixture
def lro(tmp_path: Path) -> Iterator[Lro]:
    processes: list[Process] = []

    def start(*command: str) -> Process:
        processes.append(Process(tmp_path, *command))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


@pytest.fixture
def serve(lro: Lro, tmp_path: Path) -> Lro:
    free = ("--grpc=127.0.0.1:0", "--http=127.0.0.1:0")
    store = f"--store=sqlite:///{tmp_path}/operations.db"
    return lambda *options: lro("serve", TARGET, *free, store, *options)


@pytest.fixture
def work(lro: Lro, tmp_path: Path) -> Lro:
    store = f"--store=sqlite:///{tmp_path}/operations.db"
    return lambda *options: lro("worker", TARGET, store, *options)


def address_of(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def start_over_grpc(server: Process, traceparent: str) -> str:
    with grpc.insecure_channel(address_of(r"gRPC on (\S+)", server.ready)) as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        started: operations_pb2.Operation = stub.Scan(
            scanner_pb2.ScanRequest(parent=PARENT),
            metadata=(("traceparent", traceparent),),
            timeout=PATIENCE,
        )
        return str(started.name)


def start_over_http(server: Process, traceparent: str) -> str:
    address = address_of(r"HTTP on (\S+),", server.ready)
    reply = requests.post(
        f"{address}/v1/{PARENT}/scans",
        json={},
        headers={"traceparent": traceparent},
        timeout=PATIENCE,
    )
    assert reply.status_code == 200, reply.text
    return str(reply.json()["name"])


def finish(server: Process, name: str, *, delete: bool = False) -> operations_pb2.Operation:
    with grpc.insecure_channel(address_of(r"gRPC on (\S+)", server.ready)) as channel:
        stub = operations_pb2_grpc.OperationsStub(channel)
        request = operations_pb2.WaitOperationRequest(name=name)
        request.timeout.FromSeconds(int(PATIENCE))
        done = stub.WaitOperation(request, timeout=2 * PATIENCE)
        assert done.done
        if delete:
            stub.DeleteOperation(operations_pb2.DeleteOperationRequest(name=name), timeout=PATIENCE)
        return done


def until(path: Path) -> None:
    end = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < end, f"{path.name} is not there"
        time.sleep(0.01)


def spans(folder: Path, process: Process) -> list[dict[str, Any]]:
    path = folder / f"spans-{process.pid}"
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("start", [start_over_grpc, start_over_http])
def test_every_transition_is_one_line_with_the_trace_of_its_start(
    serve: Lro, tmp_path: Path, start: Callable[[Process, str], str]
) -> None:
    (tmp_path / "go").touch()
    server = serve("--log-format=json")
    name = start(server, TRACEPARENT)
    other = start(server, "none")
    finish(server, name, delete=True)
    finish(server, other)
    server.stop()
    assert server.states(name) == [
        ("pending", 1, 0, "scan", TRACE_ID, CALLER_ID),
        ("running", 2, 1, "scan", TRACE_ID, CALLER_ID),
        ("succeeded", 4, 1, "scan", TRACE_ID, CALLER_ID),
        ("deleted", 4, 1, "scan", TRACE_ID, CALLER_ID),
    ]
    assert [each[0] for each in server.states(other)] == ["pending", "running", "succeeded"]
    assert {each[4:] for each in server.states(other)} == {("", "")}


def test_debug_has_a_line_for_every_report(serve: Lro, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    server = serve("--log-format=json", "--debug")
    name = start_over_grpc(server, TRACEPARENT)
    finish(server, name)
    server.stop()
    assert [each[:2] for each in server.states(name)] == [
        ("pending", 1),
        ("running", 2),
        ("running", 3),
        ("succeeded", 4),
    ]


def test_lines_are_for_people_unless_told_otherwise(serve: Lro, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    server = serve()
    name = start_over_grpc(server, TRACEPARENT)
    finish(server, name)
    server.stop()
    line = rf"\S+ \S+ INFO longrunning\.ledger: {name} is (\w+) \(revision \d, attempt \d\)"
    assert re.findall(line, server.log()) == ["pending", "running", "succeeded"]


def test_attempts_in_other_processes_join_the_trace_of_the_start(
    serve: Lro, work: Lro, tmp_path: Path
) -> None:
    server = serve("--no-work", "--log-format=json")
    first = work("--drain=0", "--log-format=json")
    name = start_over_http(server, TRACEPARENT)
    until(tmp_path / "began-1")
    first.stop()
    second = work("--log-format=json")
    until(tmp_path / "began-2")
    (tmp_path / "go").touch()
    finish(server, name)
    second.stop()
    server.stop()
    assert [each[0] for each in server.states(name)] == ["pending"]
    assert [each[0] for each in first.states(name)] == ["running", "pending"]
    assert [each[0] for each in second.states(name)] == ["running", "succeeded"]
    for process, attempt, state in ((first, 1, "pending"), (second, 2, "succeeded")):
        [span] = spans(tmp_path, process)
        assert span["name"] == "process scan"
        assert span["context"]["trace_id"] == f"0x{TRACE_ID}"
        assert span["parent_id"] == f"0x{CALLER_ID}"
        assert span["attributes"]["longrunning.operation.name"] == name
        assert span["attributes"]["longrunning.operation.attempt"] == attempt
        assert span["attributes"]["longrunning.operation.state"] == state
        assert {each[4] for each in process.states(name)} == {TRACE_ID}
    assert not spans(tmp_path, server)


def metrics_of(process: Process) -> dict[str, float]:
    address = address_of(r"metrics are on (http://127\.0\.0\.1:[1-9]\d*/metrics)", process.log())
    reply = requests.get(address, timeout=PATIENCE)
    assert reply.status_code == 200
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(reply.text)
        for sample in family.samples
        if "le" not in sample.labels
    }


def test_metrics_are_served_where_they_are_wanted(serve: Lro, work: Lro, tmp_path: Path) -> None:
    server = serve("--no-work", "--metrics=127.0.0.1:0")
    worker = work("--metrics=127.0.0.1:0")
    name = start_over_grpc(server, TRACEPARENT)
    until(tmp_path / "began-1")
    found = metrics_of(worker)
    assert found["longrunning_operations_running['scan']"] == 1
    assert found["longrunning_operation_queue_wait_seconds_count['scan']"] == 1
    assert found["longrunning_store_latency_seconds_count['claim']"] > 0
    (tmp_path / "go").touch()
    finish(server, name)
    assert metrics_of(server)["longrunning_operations_started_total['scan']"] == 1
    # Its writer may hear a little later than the server that it is written.
    finished = "longrunning_operations_finished_total['OK', 'scan']"
    end = time.monotonic() + PATIENCE
    while not (count := metrics_of(worker).get(finished, 0)):
        assert time.monotonic() < end, "the worker has finished nothing"
        time.sleep(0.02)
    assert count == 1
    server.stop()
    worker.stop()


def sockets_of(pid: int) -> set[str]:
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a file that was just closed
            if found := re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink())):
                inodes.add(found[1])
    return inodes


def test_nothing_is_served_unless_it_is_wanted(serve: Lro) -> None:
    server = serve()
    listening = set()
    for inode in sockets_of(server.pid):
        for table in ("tcp", "tcp6"):
            for line in Path(f"/proc/{server.pid}/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and fields[9] == inode:
                    listening.add(int(fields[1].rpartition(":")[2], 16))
    wanted = re.findall(r"127\.0\.0\.1:(\d+)", server.ready)
    assert listening == {int(port) for port in wanted}


@pytest.mark.parametrize(
    "command", [("serve", "--grpc=127.0.0.1:0", "--http=127.0.0.1:0"), ("worker",)]
)
@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("{taken}", "cannot listen on --metrics {taken}: address already in use; stop what uses"),
        (":9090", "--metrics ':9090' is not an address: expected HOST:PORT, such as"),
        ("9090", "--metrics '9090' is not an address: expected HOST:PORT, such as"),
        ("..:0", "cannot listen on --metrics ..:0: no such host; name an address of this machine"),
    ],
)
def test_an_address_that_does_not_work_is_one_line(
    tmp_path: Path, command: tuple[str, ...], where: str, line: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        done = subprocess.run(
            [
                LRO,
                *command,
                TARGET,
                f"--store=sqlite:///{tmp_path}/operations.db",
                "--metrics",
                where.replace("{taken}", taken),
            ],
            cwd=CHECKOUT,
            env=os.environ | {"LRO_SPANS": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert (done.returncode, done.stdout) == (2, "")
    [told] = done.stderr.splitlines()
    assert told.startswith("lro: " + line.replace("{taken}", taken))


def test_without_the_extra_metrics_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(
        "import sys\n"
        "sys.modules['prometheus_client'] = None\n"
        "from longrunning import App, MemoryStore, Operations\n"
        "app = App(Operations(MemoryStore()))\n"
    )
    free = ("--grpc=127.0.0.1:0", "--http=127.0.0.1:0", "--metrics=127.0.0.1:0")
    done = subprocess.run(
        [LRO, "serve", "shop:app", *free],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "lro: --metrics needs the extra 'telemetry': pip install 'longrunning[telemetry]'\n",
    )
