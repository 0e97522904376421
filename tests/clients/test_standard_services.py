"""Health and reflection: what load balancers and generic tools ask a gRPC server."""

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

SERVICES = {
    "google.longrunning.Operations",
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "longrunning.examples.scan.v1.Scanner",
}


@pytest.mark.parametrize(
    "service", ["", "google.longrunning.Operations", "longrunning.examples.scan.v1.Scanner"]
)
def test_is_healthy(channel: grpc.Channel, service: str):
    stub = health_pb2_grpc.HealthStub(channel)
    reply = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_does_not_know_the_health_of_others(channel: grpc.Channel):
    stub = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.Check(health_pb2.HealthCheckRequest(service="another"), timeout=30)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


def reflect(channel: grpc.Channel, **request: str) -> reflection_pb2.ServerReflectionResponse:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    requests = iter([reflection_pb2.ServerReflectionRequest(**request)])
    (reply,) = stub.ServerReflectionInfo(requests, timeout=30)
    return reply


def test_lists_its_services(channel: grpc.Channel):
    reply = reflect(channel, list_services="")
    assert {service.name for service in reply.list_services_response.service} == SERVICES


@pytest.mark.parametrize(
    ("symbol", "file"),
    [
        ("google.longrunning.Operations", "google/longrunning/operations.proto"),
        (
            "longrunning.examples.scan.v1.Manifest",
            "longrunning/examples/scan/v1/scanner.proto",
        ),
    ],
)
def test_describes_its_methods_and_messages(channel: grpc.Channel, symbol: str, file: str):
    reply = reflect(channel, file_containing_symbol=symbol)
    files = reply.file_descriptor_response.file_descriptor_proto
    names = {descriptor_pb2.FileDescriptorProto.FromString(found).name for found in files}
    assert file in names
