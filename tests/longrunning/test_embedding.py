"""Each way to embed operations, as the design and the page on it write it."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import json_format

from examples.scanner._gen.scanner_pb2 import Manifest, ScanRequest
from examples.scanner._gen.scanner_pb2_grpc import (
    ScannerServicer,
    ScannerStub,
    add_ScannerServicer_to_server,
)
from grpc_transcoding import Transcoder
from longrunning import (
    AsyncOperationContext,
    ErrorInterceptor,
    MemoryStore,
    Operations,
    Portal,
    SyncErrorInterceptor,
    SyncOperationContext,
)

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "protos" / "service_configs" / "scanner_v1.yaml"
PAGE = (ROOT / "docs" / "embedding.md").read_text()
PARENT = "projects/p/locations/l"
PATIENCE = 20.0
METHOD = "longrunning.examples.scan.v1.Scanner/Scan"


class AsyncScanner(ScannerServicer):
    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        (self._scan,) = operations._handlers

    async def Scan(
        self, request: ScanRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        if request.directory == "broken":
            raise KeyError("secret password")
        return await self._operations.start(
            self._scan,
            request,
            context=context,
            parent=request.parent,
            request_id=request.request_id,
        )


class SyncScanner(ScannerServicer):
    def __init__(self, operations: Operations, ops: Portal) -> None:
        self._ops = ops
        (self._scan,) = operations._handlers

    def Scan(self, request: ScanRequest, context: grpc.ServicerContext) -> operations_pb2.Operation:
        if request.directory == "broken":
            raise KeyError("secret password")
        return self._ops.start(
            self._scan,
            request,
            context=context,
            parent=request.parent,
            request_id=request.request_id,
        )


async def rest(transcoder: Transcoder) -> None:
    """Starts an operation over REST, waits for it, and is refused."""
    transport = httpx.ASGITransport(transcoder)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        started = await client.post(f"/v1/{PARENT}/scans", json={"directory": "d"})
        name = started.json()["name"]
        done = json_format.Parse(
            (await client.post(f"/v1/{name}:wait")).content, operations_pb2.Operation()
        )
        assert done.response.Is(Manifest.DESCRIPTOR)
        assert (await client.get(f"/v1/{PARENT}/operations")).status_code == 200
        absent = await client.get(f"/v1/{PARENT}/operations/none")
        assert absent.json()["error"]["details"][0]["reason"] == "OPERATION_NOT_FOUND"
        for directory, status, message in (
            ("d", 409, "The request id '1' was used before, with a different request."),
            ("broken", 500, "Internal error."),
        ):
            url = f"/v1/{PARENT}/scans"
            await client.post(url, json={"directory": "first", "requestId": "1"})
            refused = await client.post(url, json={"directory": directory, "requestId": "1"})
            assert (refused.status_code, refused.json()["error"]["message"]) == (status, message)
            assert refused.json()["error"]["details"][0]["domain"] == "tests.example.com"


async def test_in_an_aio_server_beside_a_transcoder() -> None:
    operations = Operations(MemoryStore(), domain="tests.example.com")

    @operations.handler(method=METHOD)
    async def scan(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
        return Manifest(bytes_total=1)

    interceptors = [ErrorInterceptor("tests.example.com")]
    server = grpc.aio.server(interceptors=interceptors)
    transcoder = Transcoder(service_configs=[CONFIG], interceptors=interceptors)
    for target in (server, transcoder):
        add_ScannerServicer_to_server(AsyncScanner(operations), target)
        operations.add_to_server(target)
    port = server.add_insecure_port("127.0.0.1:0")
    async with operations:
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            started = await ScannerStub(channel).Scan(ScanRequest(parent=PARENT))
            request = operations_pb2.WaitOperationRequest(name=started.name)
            done = await operations_pb2_grpc.OperationsStub(channel).WaitOperation(request)
            assert done.response.Is(Manifest.DESCRIPTOR)
        await rest(transcoder)
        await server.stop(None)


def test_in_a_sync_server_beside_a_transcoder() -> None:
    operations = Operations(MemoryStore(), domain="tests.example.com")

    @operations.handler(method=METHOD, run="thread")
    def scan(request: ScanRequest, operation: SyncOperationContext) -> Manifest:
        return Manifest(bytes_total=1)

    interceptors = [SyncErrorInterceptor("tests.example.com")]
    threads = ThreadPoolExecutor(4)
    server = grpc.server(threads, interceptors=interceptors)
    transcoder = Transcoder(
        service_configs=[CONFIG], interceptors=interceptors, executor=ThreadPoolExecutor(4)
    )
    with operations.portal() as ops:
        for target in (server, transcoder):
            add_ScannerServicer_to_server(SyncScanner(operations, ops), target)
            ops.add_to_server(target, threads=4)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            started = ScannerStub(channel).Scan(ScanRequest(parent=PARENT), timeout=PATIENCE)
            request = operations_pb2.WaitOperationRequest(name=started.name)
            stub = operations_pb2_grpc.OperationsStub(channel)
            assert stub.WaitOperation(request, timeout=PATIENCE).response.Is(Manifest.DESCRIPTOR)
        asyncio.run(rest(transcoder))
        server.stop(None).wait(PATIENCE)


def blocks() -> Iterator[str]:
    return iter(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))


@pytest.mark.parametrize("code", [code for code in blocks() if "operations.db" in code])
def test_the_pages_programs_run(code: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done: True\n", "")


@pytest.mark.parametrize("code", [code for code in blocks() if "operations.db" not in code])
def test_the_pages_excerpts_are_those_of_the_examples(code: str) -> None:
    sources = [
        (ROOT / "examples" / source).read_text()
        for source in ("fastapi/app.py", "celery/service.py")
    ]
    assert any(all(line in text for line in code.splitlines()) for text in sources)


def test_the_page_has_two_programs_and_three_excerpts() -> None:
    assert ["operations.db" in code for code in blocks()] == [True, True, False, False, False]
