"""`lro serve --workers`: several processes on the same ports, one store, and the parent of all."""

import json
import multiprocessing
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.wrappers_pb2 import Int64Value

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning import child_process
from longrunning.commands import fleet as serving_fleet
from longrunning.commands.failure import ExitCode
from tests.longrunning.commands.certificates import Authority
from tests.longrunning.commands.conftest import LRO
from tests.ports import free_ports

PARENT = "projects/p/locations/l"
REPOSITORY = Path(__file__).parents[3]
FREE = ("--grpc=127.0.0.1:0", "--http=127.0.0.1:0")
SERVICE = REPOSITORY / "protos" / "service_configs" / "scanner_v1.yaml"
MODULE = f"""
import asyncio
import os
import time
from pathlib import Path

from google.protobuf.wrappers_pb2 import Int64Value

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning import App, MemoryStore, Operations

operations = Operations(MemoryStore())


@operations.handler(response=scanner_pb2.Manifest)
async def scan(request: scanner_pb2.ScanRequest, operation) -> scanner_pb2.Manifest:
    while not Path("go").exists():
        await asyncio.sleep(0.01)
    return scanner_pb2.Manifest(bytes_total=3)


class Scanner(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        if request.request_id == "work":
            return await operations.start(scan, request, context=context, parent=request.parent)
        if request.request_id == "block":
            Path("blocked").touch()
            time.sleep(60)
        return await operations.create(
            parent=request.parent, metadata=Int64Value(value=os.getpid())
        )


servicers = [(scanner_pb2_grpc.add_ScannerServicer_to_server, Scanner())]
app = App(operations, servicers=servicers, service_configs=[{str(SERVICE)!r}])
doors = [app, App(operations, service=operations.for_service("dataproc_v1"))]
"""


class Fleet:
    """A running `lro serve --workers`.

    Attributes:
        process: the parent.
        line: what it printed when it was ready.
        grpc: where it serves gRPC, `host:port`.
        http: where it serves REST, as a URL.
    """

    def __init__(self, process, line):
        self.process, self.line = process, line
        self.grpc = re.search(r"gRPC on (\S+)", line)[1]
        self.http = re.search(r"HTTP on (https?://[^,\s]+)", line)[1]

    def end(self):
        """Waits for it to end, and returns its exit code, and what else it printed."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


@pytest.fixture(autouse=True)
def _shop(tmp_path, monkeypatch):
    """Is where the apps are found."""
    (tmp_path / "shop.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))


@pytest.fixture
def serve():
    """Starts `lro serve` with two workers, and returns it when it serves."""
    started = []

    def start(*options, apps="shop:app"):
        process = subprocess.Popen(
            [LRO, "serve", apps, *FREE, "--workers=2", "--store=sqlite:///operations.db", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        line = said = process.stdout.readline()
        while said and not said.startswith("lro: serving"):
            said = process.stdout.readline()
            line += said
        assert said, process.communicate()
        return Fleet(process, line)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def pid_over_grpc(fleet, *, credentials=None, **request):
    """Returns which process answers a new connection over gRPC."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if credentials:
        channel = grpc.secure_channel(fleet.grpc, credentials, options)
    else:
        channel = grpc.insecure_channel(fleet.grpc, options)
    with channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        operation = stub.Scan(scanner_pb2.ScanRequest(parent=PARENT, **request), timeout=20)
    pid = Int64Value()
    assert operation.metadata.Unpack(pid)
    return pid.value


def over_rest(fleet, path, body=None, context=None):
    """Returns the answer to a request on a new connection."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{fleet.http}/v1/{path}", data, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=20, context=context) as reply:
        return json.load(reply)


def pid_over_rest(fleet, **options):
    """Returns which process answers a new connection over REST."""
    return int(over_rest(fleet, f"{PARENT}/scans", {}, **options)["metadata"]["value"])


def pids(ask, fleet, *, other_than=frozenset(), **options):
    """Returns the two processes that answer; the kernel chooses one for each connection.

    A connection that was given to one that died meanwhile is made anew.
    """
    found = set()
    give_up = time.monotonic() + 30
    while len(found) < 2 and time.monotonic() < give_up:
        try:
            found |= {ask(fleet, **options)} - set(other_than)
        except (OSError, grpc.RpcError):
            if not other_than:
                raise
    return found


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    except OSError:
        return True


def wait_until(condition):
    give_up = time.monotonic() + 30
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.02)
    assert condition()


def test_both_processes_serve_both_protocols_and_share_the_store(serve):
    fleet = serve()
    assert re.fullmatch(
        r"lro: serving gRPC on 127\.0\.0\.1:[1-9]\d* and HTTP on http://127\.0\.0\.1:[1-9]\d*, "
        r"operations in sqlite:///\S*operations\.db\n",
        fleet.line,
    )
    both = pids(pid_over_grpc, fleet)
    assert len(both) == 2
    assert fleet.process.pid not in both
    assert pids(pid_over_rest, fleet) == both
    seen, token = [], ""
    while True:  # a page token of one process is good in the other
        page = over_rest(fleet, f"{PARENT}/operations?pageSize=1&pageToken={token}")
        seen += page["operations"]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert {int(each["metadata"]["value"]) for each in seen} == both
    assert len({each["name"] for each in seen}) == len(seen)


def test_a_process_that_is_killed_is_replaced_and_calls_go_on(serve):
    fleet = serve()
    killed, survivor = pids(pid_over_grpc, fleet)
    with grpc.insecure_channel(fleet.grpc) as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        own = Int64Value()
        stub.Scan(scanner_pb2.ScanRequest(parent=PARENT), timeout=20).metadata.Unpack(own)
        if own.value == killed:
            killed, survivor = survivor, killed
        os.kill(killed, signal.SIGKILL)
        successors = pids(pid_over_grpc, fleet, other_than={killed}) - {survivor}
        assert len(successors) == 1
        assert pids(pid_over_rest, fleet, other_than={killed}) == {survivor} | successors
        stub.Scan(scanner_pb2.ScanRequest(parent=PARENT), timeout=20).metadata.Unpack(own)
        assert own.value == survivor
    fleet.process.send_signal(signal.SIGTERM)
    code, out, err = fleet.end()
    assert (code, out) == (0, "")
    assert f"serving process {killed}: was killed by SIGKILL; another one starts in 0.1 s" in err
    assert err.count("serving in the processes") == 1


def test_sigterm_answers_waiters_and_lets_work_finish_in_all_processes(serve, tmp_path):
    fleet = serve("--drain=30")
    both = pids(pid_over_grpc, fleet)
    channels = [
        grpc.insecure_channel(fleet.grpc, [("grpc.use_local_subchannel_pool", 1)])
        for _ in range(10)
    ]
    name = (
        scanner_pb2_grpc.ScannerStub(channels[0])
        .Scan(scanner_pb2.ScanRequest(parent=PARENT, request_id="work"), timeout=20)
        .name
    )
    request = operations_pb2.WaitOperationRequest(name=name, timeout={"seconds": 30})
    waits = []
    for channel in channels:
        stub = operations_pb2_grpc.OperationsStub(channel)
        stub.GetOperation(operations_pb2.GetOperationRequest(name=name), timeout=20)
        waits.append(stub.WaitOperation.future(request, timeout=40))
    # Behind the waits on their connections, so that those are under way.
    for channel in channels:
        stub = operations_pb2_grpc.OperationsStub(channel)
        stub.GetOperation(operations_pb2.GetOperationRequest(name=name), timeout=20)
    fleet.process.send_signal(signal.SIGTERM)
    assert [wait.result(timeout=20).done for wait in waits] == [False] * 10
    for channel in channels:
        channel.close()
    assert fleet.process.poll() is None
    (tmp_path / "go").touch()
    code, out, err = fleet.end()
    assert (code, out) == (0, "")
    assert f"{name} is succeeded" in err
    assert "Traceback" not in err
    assert all(is_gone(pid) for pid in both)


def test_ctrl_c_reaches_all_processes_and_counts_once(serve):
    fleet = serve()
    os.killpg(fleet.process.pid, signal.SIGINT)
    code, out, err = fleet.end()
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert "second signal" not in err


def test_ctrl_c_while_a_process_comes_to_life_ends_it_without_a_word(capfd):
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    with here, there:
        process = spawn.Process(target=serving_fleet.run, args=(there, None, None, None))
        child_process.start(process)
        os.kill(process.pid, signal.SIGINT)  # which it was born with held back
        process.join(30)
    assert process.exitcode == ExitCode.INTERRUPTED
    assert capfd.readouterr() == ("", "")


def test_a_second_signal_ends_all_processes_at_once(serve):
    fleet = serve("--drain=60")
    both = pids(pid_over_grpc, fleet)
    with grpc.insecure_channel(fleet.grpc) as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        stub.Scan(scanner_pb2.ScanRequest(parent=PARENT, request_id="work"), timeout=20)
    fleet.process.send_signal(signal.SIGTERM)
    give_up = time.monotonic() + 20
    while fleet.process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
        fleet.process.send_signal(signal.SIGTERM)
    assert fleet.process.returncode == 128 + signal.SIGTERM
    wait_until(lambda: all(is_gone(pid) for pid in both))


def test_nothing_outlives_a_parent_that_is_killed(serve, tmp_path):
    fleet = serve()
    both = pids(pid_over_grpc, fleet)
    with grpc.insecure_channel(fleet.grpc) as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        # One of them can heed nothing now: its event loop stands still.
        block = scanner_pb2.ScanRequest(parent=PARENT, request_id="block")
        call = stub.Scan.future(block, timeout=60)
        wait_until((tmp_path / "blocked").exists)
        assert not call.done()
        fleet.process.kill()
        wait_until(lambda: all(is_gone(pid) for pid in both))


@pytest.mark.parametrize("share", [0, 1], ids=["alone", "shares its port"])
@pytest.mark.parametrize("option", ["--grpc", "--http", "--http-by-host"])
def test_a_port_of_a_stranger_is_refused_as_without_workers(lro_process, option, share):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, share)
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        store = "--store=sqlite:///operations.db"
        answers = [
            lro_process("serve", "shop:app", *FREE, store, option, taken, *workers)
            for workers in ((), ("--workers=2",))
        ]
    assert answers[0] == answers[1]
    assert answers[1] == (
        2,
        "",
        f"lro: cannot listen on {option} {taken}: address already in use; stop what uses it, or "
        "choose another address (port 0 takes a free port)\n",
    )


@pytest.mark.parametrize("workers", ["--workers=1", "--workers=2"])
def test_its_ports_are_refused_to_other_servers(serve, lro_process, workers):
    fleet = serve()
    for option, taken in (("--grpc", fleet.grpc), ("--http", fleet.http.removeprefix("http://"))):
        code, out, err = lro_process(
            "serve", "shop:app", *FREE, "--store=sqlite:///operations.db", option, taken, workers
        )
        assert (code, out) == (2, "")
        assert err.startswith(f"lro: cannot listen on {option} {taken}: address already in use; ")


def test_several_apps_and_the_port_of_all_are_shared(serve):
    fleet = serve("--http-by-host=127.0.0.1:0", apps="shop:doors")
    first, second, last = fleet.line.splitlines()
    ports = re.findall(r"127\.0\.0\.1:(\d+)", fleet.line)
    assert len(set(ports)) == 5
    assert first.startswith("lro: every operation: gRPC on ")
    assert second.startswith("lro: dataproc.googleapis.com: gRPC on ")
    assert last.startswith("lro: serving 2 services, HTTP by Host on http://127.0.0.1:")
    both = pids(pid_over_rest, fleet)
    fleet.http = re.search(r"by Host on (\S+),", last)[1]
    assert pids(pid_over_rest, fleet) == both
    for line in (first, second):
        address = re.search(r"gRPC on (\S+)", line)[1]
        with grpc.insecure_channel(address) as channel:
            stub = operations_pb2_grpc.OperationsStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                stub.GetOperation(operations_pb2.GetOperationRequest(name="no/operations/1"))
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_both_processes_speak_tls(serve, tmp_path):
    authority = Authority()
    certificate, key = authority.issue()
    (tmp_path / "tls.crt").write_bytes(certificate)
    (tmp_path / "tls.key").write_bytes(key)
    fleet = serve("--tls-cert=tls.crt", "--tls-key=tls.key")
    fleet.grpc = fleet.grpc.replace("127.0.0.1", "localhost")
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    context.check_hostname = False
    credentials = grpc.ssl_channel_credentials(authority.certificate)
    both = pids(pid_over_rest, fleet, context=context)
    assert len(both) == 2
    assert pids(pid_over_grpc, fleet, credentials=credentials) == both


def test_each_process_has_metrics_at_a_port_of_its_own(serve):
    ports = free_ports(2)
    fleet = serve(f"--metrics=127.0.0.1:{ports[0]}")
    pids(pid_over_grpc, fleet)
    started = []
    for port in ports:
        url = f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=20) as reply:
            lines = reply.read().decode()
        count = re.search(r'_operations_started_total\{handler=""\} (\S+)', lines)
        started.append(float(count[1]))
    assert min(started) >= 1


def test_what_keeps_one_process_from_starting_ends_them_all(lro_process):
    first, second = free_ports(2)
    with socket.create_server(("127.0.0.1", second)):
        code, out, err = lro_process(
            *("serve", "shop:app", *FREE, "--workers=2", "--store=sqlite:///operations.db"),
            f"--metrics=127.0.0.1:{first}",
        )
    assert (code, out) == (2, "")
    last = err.splitlines()[-1]
    assert last == (
        f"lro: cannot listen on --metrics 127.0.0.1:{second}: address already in use; stop what "
        "uses it, or choose another address (port 0 takes a free port)"
    )
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            ["shop:app"],
            "workers share their operations, and cannot reach each other's memory: give --store "
            "sqlite:///PATH or --store postgresql://..., or serve without --workers",
        ),
        (
            ["shop:app", "--store=memory:"],
            "workers share their operations, and cannot reach each other's memory: give --store "
            "sqlite:///PATH or --store postgresql://..., or serve without --workers",
        ),
        (
            ["shop:app", "--store=sqlite:///missing/operations.db"],
            "the store cannot be opened: missing/operations.db cannot be opened; "
            "its directory must exist and be writable",
        ),
        (["shop:ap"], "shop has no attribute 'ap'; did you mean 'app'?"),
        (
            ["shop:app", "--store=sqlite:///o.db", "--metrics=127.0.0.1:65535"],
            "--metrics 127.0.0.1:65535 leaves too few ports: 2 are needed from there on; "
            "begin lower",
        ),
        (
            ["shop:app", "--store=sqlite:///o.db", "--tls-cert=tls.crt"],
            "TLS needs --tls-cert and --tls-key; --tls-key not given",
        ),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(lro_process, options, line):
    code, out, err = lro_process("serve", *FREE, "--workers=2", *options)
    assert (code, out, err) == (2, "", f"lro: {line}\n")
