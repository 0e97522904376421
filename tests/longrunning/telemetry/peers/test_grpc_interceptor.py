"""OpenTelemetry's own interceptor around an RPC that starts an operation."""

from typing import Any

import grpc
import httpx
import pytest
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from grpc_transcoding import Transcoder
from longrunning import AsyncOperationContext, MemoryStore, Operations
from longrunning.telemetry import Tracing

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
CALLER_ID = 0xB7AD6B7169203331
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Scanner(scanner_pb2_grpc.ScannerServicer):
    def __init__(self, operations: Operations, handler: Any) -> None:
        self._operations = operations
        self._handler = handler

    async def Scan(self, request: Any, context: Any) -> Any:
        return await self._operations.start(self._handler, request, context=context)


async def over_grpc(scanner: Scanner, interceptors: list[Any]) -> None:
    server = grpc.aio.server(interceptors=interceptors)
    scanner_pb2_grpc.add_ScannerServicer_to_server(scanner, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        request = scanner_pb2.ScanRequest(parent="projects/p/locations/l")
        started = await stub.Scan(request, metadata=(("traceparent", TRACEPARENT),))
    assert started.name
    await server.stop(None)


async def over_http(scanner: Scanner, interceptors: list[Any]) -> None:
    transcoder = Transcoder(interceptors=interceptors)
    scanner_pb2_grpc.add_ScannerServicer_to_server(scanner, transcoder)
    transport = httpx.ASGITransport(transcoder)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        reply = await client.post(
            "/v1/projects/p/locations/l/scans", json={}, headers={"traceparent": TRACEPARENT}
        )
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("front", [over_grpc, over_http])
async def test_the_span_of_the_interceptor_is_the_parent_of_the_work(front: Any) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    operations = Operations(MemoryStore(), observers=[Tracing(provider)])

    @operations.handler(name="scan")
    async def scan(request: Any, operation: AsyncOperationContext) -> None:
        pass

    async with operations:
        interceptors = [aio_server_interceptor(tracer_provider=provider)]
        await front(Scanner(operations, scan), interceptors)
        [listed] = (await operations.list()).operations
        assert (await operations.wait(listed.name, 20)).done
    [rpc, work] = sorted(exporter.get_finished_spans(), key=lambda span: span.start_time or 0)
    assert work.name == "process scan"
    assert {rpc.context.trace_id, work.context.trace_id} == {TRACE_ID}
    assert rpc.parent
    assert rpc.parent.span_id == CALLER_ID
    assert work.parent
    assert work.parent.span_id == rpc.context.span_id
