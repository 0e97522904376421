"""google.api_core.operations_v1's clients, gRPC and REST: the four methods that they have."""

import grpc
import pytest
from google.api_core import exceptions
from google.api_core.operations_v1 import OperationsClient
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from examples.scanner.server_process import ServerProcess
from tests.clients.conftest import Client, Work, rest_client


def unpacked(packed, message):
    assert packed.Unpack(message), packed
    return message


def test_gets_work_that_is_done(client: Client, work: Work, parent: str):
    name = work.finish("quick", parent).name
    operation = client.get_operation(name)
    assert name.startswith(f"{parent}/operations/")
    assert (operation.name, operation.done) == (name, True)
    assert operation.WhichOneof("result") == "response"
    assert unpacked(operation.response, Manifest()) == Manifest(bytes_total=42)
    assert unpacked(operation.metadata, ScanMetadata()) == ScanMetadata(
        files_total=3, files_done=3, progress_percent=100
    )


def test_gets_work_that_runs(client: Client, work: Work, parent: str):
    operation = client.get_operation(work.run("slow", parent).name)
    assert not operation.done
    assert operation.WhichOneof("result") is None
    assert unpacked(operation.metadata, ScanMetadata()).progress_percent == 10


# The default paths of api_core's REST client cannot say such a name; those of operations.proto can.
PROTO_PATHS = {
    "google.longrunning.Operations.GetOperation": [
        {"method": "get", "uri": "/v1/{name=operations/**}"}
    ],
    "google.longrunning.Operations.ListOperations": [
        {"method": "get", "uri": "/v1/{name=operations}"}
    ],
    "google.longrunning.Operations.CancelOperation": [
        {"method": "post", "uri": "/v1/{name=operations/**}:cancel", "body": "*"}
    ],
    "google.longrunning.Operations.DeleteOperation": [
        {"method": "delete", "uri": "/v1/{name=operations/**}"}
    ],
}


@pytest.mark.parametrize("protocol", ["gRPC", "REST"])
def test_manages_work_without_a_parent(
    server: ServerProcess, channel: grpc.Channel, work: Work, protocol: str
):
    client = OperationsClient(channel) if protocol == "gRPC" else rest_client(server, PROTO_PATHS)
    name = work.run("slow").name
    assert name.startswith("operations/")
    assert client.get_operation(name).name == name
    client.cancel_operation(name)
    assert work.wait(name).error.code == code_pb2.CANCELLED
    assert name in {operation.name for operation in client.list_operations("operations", "")}
    client.delete_operation(name)
    with pytest.raises(exceptions.NotFound):
        client.get_operation(name)


def test_gets_work_that_failed_with_the_error_that_it_chose(
    client: Client, work: Work, parent: str
):
    operation = client.get_operation(work.finish("failing", parent).name)
    assert operation.WhichOneof("result") == "error"
    assert (operation.error.code, operation.error.message) == (
        code_pb2.FAILED_PRECONDITION,
        "The disk is full.",
    )
    (detail,) = operation.error.details
    assert unpacked(detail, error_details_pb2.ErrorInfo()) == error_details_pb2.ErrorInfo(
        reason="DISK_FULL", domain="clients.example", metadata={"disk": "/dev/example"}
    )


def test_does_not_show_an_exception_that_the_work_did_not_choose_to_show(
    client: Client, work: Work, parent: str
):
    operation = client.get_operation(work.finish("crashing", parent).name)
    assert (operation.error.code, operation.error.message) == (
        code_pb2.INTERNAL,
        "The operation failed for a reason inside the service.",
    )
    assert "secret" not in json_format.MessageToJson(operation)
    (detail,) = operation.error.details
    info = unpacked(detail, error_details_pb2.ErrorInfo())
    assert (info.reason, list(info.metadata)) == ("HANDLER_FAILED", ["correlation_id"])


def test_cancels_work_that_runs(client: Client, work: Work, parent: str):
    name = work.run("slow", parent).name
    assert client.cancel_operation(name) is None
    operation = work.wait(name)
    assert operation == client.get_operation(name)
    assert (operation.error.code, operation.error.message) == (
        code_pb2.CANCELLED,
        "The operation was cancelled.",
    )


def test_cancelling_again_or_what_is_done_changes_nothing(client: Client, work: Work, parent: str):
    name = work.run("slow", parent).name
    client.cancel_operation(name)
    client.cancel_operation(name)
    cancelled, finished = work.wait(name), work.finish("quick", parent)
    for operation in (cancelled, finished):
        client.cancel_operation(operation.name)
        assert client.get_operation(operation.name) == operation


def test_work_may_finish_in_spite_of_its_cancellation(client: Client, work: Work, parent: str):
    name = work.run("winning", parent).name
    client.cancel_operation(name)
    assert unpacked(work.wait(name).response, Manifest()) == Manifest(bytes_total=7)


def test_deletes_work_that_is_done(client: Client, work: Work, parent: str):
    name = work.finish("quick", parent).name
    assert client.delete_operation(name) is None
    with pytest.raises(exceptions.NotFound):
        client.get_operation(name)
    assert list(client.list_operations(parent, "")) == []


def test_lists_the_newest_first(client: Client, work: Work, parent: str):
    operations = [work.finish("quick", parent) for _ in range(3)]
    assert list(client.list_operations(parent, "")) == operations[::-1]
    work.finish("quick", f"{parent}s")
    assert list(client.list_operations(parent, "")) == operations[::-1]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", {"quick", "failing", "slow"}),
        ("done = true", {"quick", "failing"}),
        ("NOT done = true", {"slow"}),
        ("error.code = 9", {"failing"}),
        ("metadata.progress_percent < 50", {"slow"}),
        ("metadata.progressPercent = 100 OR error.code = 9", {"quick", "failing"}),
        ("response.bytes_total = 42", {"quick"}),
        ('error.message = "*full*"', {"failing"}),
        ("error.code = 1", set()),
    ],
)
def test_lists_what_the_filter_selects(
    client: Client, work: Work, parent: str, text: str, kinds: set[str]
):
    started = {
        "quick": work.finish("quick", parent).name,
        "failing": work.finish("failing", parent).name,
        "slow": work.run("slow", parent).name,
    }
    found = {operation.name for operation in client.list_operations(parent, text)}
    assert found == {started[kind] for kind in kinds}


def test_lists_page_by_page(client: Client, work: Work, parent: str):
    for _ in range(51):  # one more than a page has by default
        work.start("quick", parent)
    names = [operation.name for operation in client.list_operations(parent, "")]
    assert len(set(names)) == 51
    assert names == sorted(names, reverse=True)
    assert len(list(client.list_operations(parent, "").pages)) == 2


def test_lists_the_operations_of_all_locations(client: Client, work: Work, parent: str):
    one = work.finish("quick", f"{parent}1").name
    two = work.finish("quick", f"{parent}2").name
    wildcard = f"{parent.rpartition('/')[0]}/-"
    names = {operation.name for operation in client.list_operations(wildcard, "")}
    assert names == {one, two}
