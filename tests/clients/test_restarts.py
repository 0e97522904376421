"""What clients see of a server that stops, is killed, and comes back."""

import http.client
import json
from collections.abc import Callable

import grpc
import pytest
import requests
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2
from google.rpc import code_pb2, error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from examples.scanner.server_process import ServerProcess
from tests.clients.conftest import Work

PARENT = "projects/restarts/locations/here"

StartServer = Callable[..., ServerProcess]


def get(channel: grpc.Channel, name: str) -> operations_pb2.Operation:
    request = operations_pb2.GetOperationRequest(name=name)
    return operations_pb2_grpc.OperationsStub(channel).GetOperation(request, timeout=30)


def test_sigterm_answers_who_waits_and_ends_with_code_0(start_server: StartServer):
    server = start_server()
    with grpc.insecure_channel(server.grpc) as channel:
        operation = Work(channel).run("slow", PARENT)
        by_grpc = wait_by_grpc(channel, operation.name)
        by_http = wait_by_http(server, operation.name)
        # What was sent before these has arrived when they are answered.
        assert get(channel, operation.name) == operation
        assert requests.get(f"{server.http}/v1/{operation.name}", timeout=30).ok
        assert server.stop() == 0, server.log()
        assert by_grpc.result(30) == operation
        with by_http.getresponse() as reply:
            assert (reply.status, json.load(reply)["name"]) == (200, operation.name)
        by_http.close()
    assert "Traceback" not in server.log()


def test_sigterm_is_told_to_who_watches_the_health(start_server: StartServer):
    server = start_server()
    with grpc.insecure_channel(server.grpc) as channel:
        request = health_pb2.HealthCheckRequest(service="google.longrunning.Operations")
        watch = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert server.stop() == 0, server.log()
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING


def wait_by_grpc(channel: grpc.Channel, name: str) -> grpc.Future:
    request = operations_pb2.WaitOperationRequest(
        name=name, timeout=duration_pb2.Duration(seconds=60)
    )
    return operations_pb2_grpc.OperationsStub(channel).WaitOperation.future(request, timeout=90)


def wait_by_http(server: ServerProcess, name: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(server.http.removeprefix("http://"), timeout=90)
    headers = {"Content-Type": "application/json"}
    connection.request("POST", f"/v1/{name}:wait", b'{"timeout": "60s"}', headers)
    return connection


def test_work_that_sigterm_interrupted_fails_or_is_begun_again(start_server: StartServer):
    first = start_server()
    with grpc.insecure_channel(first.grpc) as channel:
        work = Work(channel)
        lost, repeated = work.run("slow", PARENT).name, work.run("repeatable", PARENT).name
        assert first.stop() == 0, first.log()
    second = start_server()
    with grpc.insecure_channel(second.grpc) as channel:
        # Both were given up at the stop: nobody has to wait for a lease.
        assert_lost(get(channel, lost))
        assert_repeated(Work(channel).wait(repeated))


def test_a_kill_loses_nothing_that_was_answered(start_server: StartServer):
    first = start_server()
    with grpc.insecure_channel(first.grpc) as channel:
        work = Work(channel)
        finished = [work.finish(kind, PARENT) for kind in ("quick", "failing")]
        cancelled = work.run("slow", PARENT).name
        operations_pb2_grpc.OperationsStub(channel).CancelOperation(
            operations_pb2.CancelOperationRequest(name=cancelled), timeout=30
        )
        finished.append(work.wait(cancelled))
        first.kill()
    second = start_server()
    with grpc.insecure_channel(second.grpc) as channel:
        assert [get(channel, operation.name) for operation in finished] == finished
        request = operations_pb2.ListOperationsRequest(name=PARENT)
        listed = operations_pb2_grpc.OperationsStub(channel).ListOperations(request, timeout=30)
        assert list(listed.operations) == finished[::-1]
        assert second.stop() == 0, second.log()


def test_work_of_a_killed_server_is_taken_over_once_its_lease_is_over(start_server: StartServer):
    first = start_server(LEASE_SECONDS="1")
    with grpc.insecure_channel(first.grpc) as channel:
        work = Work(channel)
        lost, repeated = work.run("slow", PARENT).name, work.run("repeatable", PARENT).name
        first.kill()
    second = start_server(LEASE_SECONDS="1")
    with grpc.insecure_channel(second.grpc) as channel:
        work = Work(channel)
        assert_lost(work.wait(lost))
        assert_repeated(work.wait(repeated))
        assert second.stop() == 0, second.log()


def test_a_cancellation_survives_the_kill_of_the_server_that_took_it(start_server: StartServer):
    first = start_server(LEASE_SECONDS="1")
    with grpc.insecure_channel(first.grpc) as channel:
        name = Work(channel).run("stubborn", PARENT).name
        stub = operations_pb2_grpc.OperationsStub(channel)
        stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name), timeout=30)
        first.kill()
    second = start_server(LEASE_SECONDS="1")
    with grpc.insecure_channel(second.grpc) as channel:
        operation = Work(channel).wait(name)
        assert (operation.error.code, operation.error.message) == (
            code_pb2.CANCELLED,
            "The operation was cancelled.",
        )
        assert second.stop() == 0, second.log()


def assert_lost(operation: operations_pb2.Operation) -> None:
    assert (operation.error.code, operation.error.message) == (
        code_pb2.ABORTED,
        "The worker of the operation was lost before it finished.",
    )
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    assert info == error_details_pb2.ErrorInfo(
        reason="WORKER_LOST", domain="clients.example", metadata={"attempt": "1"}
    )


def assert_repeated(operation: operations_pb2.Operation) -> None:
    manifest, metadata = Manifest(), ScanMetadata()
    assert operation.response.Unpack(manifest), operation
    assert operation.metadata.Unpack(metadata)
    assert (manifest.bytes_total, metadata.files_done) == (2, 2)


@pytest.mark.parametrize("protocol", ["gRPC", "REST"])
def test_a_server_that_is_gone_cannot_be_reached(start_server: StartServer, protocol: str):
    server = start_server()
    assert server.stop() == 0
    if protocol == "REST":
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{server.http}/v1/operations", timeout=30)
        return
    with grpc.insecure_channel(server.grpc) as channel, pytest.raises(grpc.RpcError) as raised:
        get(channel, "operations/one")
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
