"""The scanner as it is served: `lro serve examples.scanner.app:app`."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
import requests
from google.longrunning import operations_pb2
from google.longrunning.operations_pb2_grpc import OperationsStub
from google.protobuf import duration_pb2, json_format
from google.rpc import error_details_pb2  # noqa: F401 - so that details can be shown as JSON
from grpc_status import rpc_status

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from examples.scanner._gen.scanner_pb2_grpc import ScannerStub
from examples.scanner.server_process import ServerProcess
from tests.examples.scanner.conftest import deep, sha256

PARENT = "projects/p/locations/here"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    (root / "small" / "deep").mkdir(parents=True)
    (root / "small" / "a").write_bytes(b"alpha")
    (root / "small" / "deep" / "b").write_bytes(b"beta")
    (root / "small" / "link").symlink_to("/etc")
    (root / "huge").mkdir()
    (root / "huge" / "file").touch()
    os.truncate(root / "huge" / "file", 1024**4)
    return root


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("server")
    with ServerProcess(
        "examples.scanner.app:app",
        store=f"sqlite:///{directory / 'operations.db'}",
        log=directory / "server.log",
        environment={"SCANNER_ROOT": str(root)},
    ) as server:
        server.start()
        yield server
        assert server.stop() == 0, server.log()


@pytest.fixture(scope="module")
def channel(server: ServerProcess) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


def wait(channel: grpc.Channel, name: str) -> operations_pb2.Operation:
    timeout = duration_pb2.Duration(seconds=int(PATIENCE))
    request = operations_pb2.WaitOperationRequest(name=name, timeout=timeout)
    operation = OperationsStub(channel).WaitOperation(request, timeout=2 * PATIENCE)
    assert operation.done
    return operation


def test_a_scan_over_grpc_ends_with_its_manifest(channel: grpc.Channel):
    request = ScanRequest(parent=PARENT, directory="small")
    name = ScannerStub(channel).Scan(request, timeout=PATIENCE).name
    operation, manifest, metadata = wait(channel, name), Manifest(), ScanMetadata()
    assert operation.response.Unpack(manifest)
    assert manifest == Manifest(
        files=[
            Manifest.File(path="a", size=5, sha256=sha256(b"alpha")),
            Manifest.File(path="deep/b", size=4, sha256=sha256(b"beta")),
        ],
        bytes_total=9,
    )
    assert operation.metadata.Unpack(metadata)
    assert metadata == ScanMetadata(
        files_total=2, files_done=2, bytes_total=9, bytes_done=9, progress_percent=100
    )


def test_a_scan_over_rest_ends_with_its_manifest(server: ServerProcess, channel: grpc.Channel):
    url = f"{server.http}/v1/{PARENT}/scans"
    name = requests.post(url, json={"directory": "small/deep"}, timeout=PATIENCE).json()["name"]
    wait(channel, name)
    operation = requests.get(f"{server.http}/v1/{name}", timeout=PATIENCE).json()
    assert operation["response"] == {
        "@type": "type.googleapis.com/longrunning.examples.scan.v1.Manifest",
        "files": [{"path": "b", "size": "4", "sha256": sha256(b"beta")}],
        "bytesTotal": "4",
    }


def test_cancelling_stops_a_scan_within_a_file(server: ServerProcess, channel: grpc.Channel):
    request = ScanRequest(parent=PARENT, directory="huge")
    name = ScannerStub(channel).Scan(request, timeout=PATIENCE).name
    url, deadline = f"{server.http}/v1/{name}", time.monotonic() + PATIENCE
    while "bytesDone" not in requests.get(url, timeout=PATIENCE).json().get("metadata", {}):
        assert time.monotonic() < deadline, "the scan reads nothing"
        time.sleep(0.02)
    assert requests.post(f"{url}:cancel", json={}, timeout=PATIENCE).json() == {}
    operation, metadata = wait(channel, name), ScanMetadata()
    assert operation.error.code == 1
    assert operation.metadata.Unpack(metadata)
    assert metadata.files_done == 0
    assert 0 < metadata.bytes_done < metadata.bytes_total == 1024**4


def test_a_request_id_makes_the_call_safe_to_repeat(server: ServerProcess):
    url = f"{server.http}/v1/{PARENT}/scans"
    body = {"directory": "small", "requestId": "once"}
    names = {requests.post(url, json=body, timeout=PATIENCE).json()["name"] for _ in range(3)}
    assert len(names) == 1


REFUSALS = {
    (PARENT, "../up"): (
        "directory",
        "DIRECTORY_OUTSIDE_ROOT",
        "The directory '../up' leads out of the scanner's root: "
        "expected a path relative to it, without '..', such as 'src/data'.",
    ),
    (PARENT, "small/link"): (
        "directory",
        "NOT_A_DIRECTORY",
        "The directory 'small/link' is, or is reached through, a file or a symbolic link: "
        "expected a directory; links are not followed.",
    ),
    (PARENT, "none"): (
        "directory",
        "DIRECTORY_NOT_FOUND",
        "There is no directory 'none' below the scanner's root.",
    ),
    ("projects/-/locations/here", "small"): (
        "parent",
        "INVALID_NAME",
        "'projects/-/locations/here' has the wildcard '-', which only a list may have.",
    ),
}


LONG = {
    "directory": (
        {"parent": PARENT, "directory": "a" * 5000},
        f"There is no directory '{'a' * 100}... (5000 characters)' below the scanner's root.",
    ),
    "directory outside": (
        {"parent": PARENT, "directory": "../" * 3000},
        f"The directory '{('../' * 34)[:100]}... (9000 characters)' leads out of the scanner's "
        "root: expected a path relative to it, without '..', such as 'src/data'.",
    ),
    "directory of 4 bytes a character": (
        {"parent": PARENT, "directory": "\U0001f600" * 5000},
        f"There is no directory '{chr(0x1F600) * 100}... (5000 characters)' "
        "below the scanner's root.",
    ),
    "parent": (
        {"parent": "a" * 9000, "directory": "small"},
        f"The parent is '{'a' * 100}... (9000 characters)': "
        "expected 'projects/{project}/locations/{location}'.",
    ),
}


@pytest.mark.parametrize(("fields", "message"), LONG.values(), ids=LONG)
def test_a_refusal_of_something_long_reaches_grpc_and_rest(
    server: ServerProcess, channel: grpc.Channel, fields: dict[str, str], message: str
):
    with pytest.raises(grpc.RpcError) as raised:
        ScannerStub(channel).Scan(ScanRequest(**fields), timeout=PATIENCE)
    assert (raised.value.code(), raised.value.details()) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        message,
    )
    assert rpc_status.from_call(raised.value).message == message
    if fields["parent"] == PARENT:  # another one has no route in REST
        url = f"{server.http}/v1/{PARENT}/scans"
        reply = requests.post(url, json={"directory": fields["directory"]}, timeout=PATIENCE)
        assert (reply.status_code, reply.json()["error"]["message"]) == (400, message)


def test_cancelling_stops_the_scan_of_a_deep_tree_without_files(root: Path, channel: grpc.Channel):
    (root / "deep").mkdir()
    with deep(root / "deep", 1500):
        name = (
            ScannerStub(channel)
            .Scan(ScanRequest(parent=PARENT, directory="deep"), timeout=PATIENCE)
            .name
        )
        begun = time.monotonic()
        OperationsStub(channel).CancelOperation(
            operations_pb2.CancelOperationRequest(name=name), timeout=PATIENCE
        )
        operation = wait(channel, name)
        assert time.monotonic() - begun < 30  # on a busy machine; it used to be minutes
    # The cancellation may come when the scan is through: to find nothing is quick now.
    assert operation.error.code == 1 or operation.HasField("response")


@pytest.mark.parametrize(("asked", "refusal"), REFUSALS.items())
def test_a_request_that_cannot_succeed_starts_nothing(
    server: ServerProcess, channel: grpc.Channel, asked, refusal
):
    (parent, directory), (field, reason, message) = asked, refusal
    with pytest.raises(grpc.RpcError) as raised:
        ScannerStub(channel).Scan(ScanRequest(parent=parent, directory=directory), timeout=PATIENCE)
    status = rpc_status.from_call(raised.value)
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert status.message == message
    url = f"{server.http}/v1/{parent}/scans"
    reply = requests.post(url, json={"directory": directory}, timeout=PATIENCE)
    details = [json_format.MessageToDict(detail) for detail in status.details]
    assert reply.status_code == 400
    assert reply.json()["error"] == {
        "code": 400,
        "status": "INVALID_ARGUMENT",
        "message": message,
        "details": details,
    }
    assert (details[0]["reason"], details[0]["domain"]) == (reason, "scanner.longrunning.example")
    assert details[1]["fieldViolations"] == [{"field": field, "description": message}]


def test_a_parent_of_another_shape_is_refused(channel: grpc.Channel):
    for parent in ("", "projects/p", "projects/p/locations/l/more/m"):
        with pytest.raises(grpc.RpcError) as raised:
            ScannerStub(channel).Scan(ScanRequest(parent=parent), timeout=PATIENCE)
        assert raised.value.details() == (
            f"The parent is '{parent}': expected 'projects/{{project}}/locations/{{location}}'."
        )


def test_clients_with_default_limits_can_read_large_manifests_and_lists_of_them(
    root: Path, channel: grpc.Channel
):
    (root / "many").mkdir()
    for number in range(8000):
        (root / "many" / f"{number:0200}").touch()
    parent = "projects/large/locations/here"
    request = ScanRequest(parent=parent, directory="many")
    names = [ScannerStub(channel).Scan(request, timeout=PATIENCE).name for _ in range(3)]
    for name in names:
        assert wait(channel, name).ByteSize() > 2 * 1024 * 1024
    listed, token = [], ""
    while len(listed) < 3:
        page = OperationsStub(channel).ListOperations(
            operations_pb2.ListOperationsRequest(name=parent, page_token=token), timeout=PATIENCE
        )
        listed += [operation.name for operation in page.operations]
        token = page.next_page_token
    assert (listed, token) == (names[::-1], "")


def test_a_root_that_is_no_directory_is_one_line(tmp_path: Path):
    done = subprocess.run(
        [Path(sys.executable).with_name("lro"), "serve", "examples.scanner.app:app"],
        env={**os.environ, "SCANNER_ROOT": str(tmp_path / "gone")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"the scanner's root, {str(tmp_path / 'gone')!r}, is not a directory" in done.stderr
    assert done.stderr.startswith("lro: ")
