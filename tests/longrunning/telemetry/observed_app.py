"""An app as one would run it under observation; its spans go to files in the folder `LRO_SPANS`."""

import asyncio
import os
from pathlib import Path
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning import App, AsyncOperationContext, MemoryStore, Operations
from longrunning.telemetry import Tracing

FOLDER = Path(os.environ["LRO_SPANS"])

provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(
        ConsoleSpanExporter(
            out=(FOLDER / f"spans-{os.getpid()}").open("a"),
            formatter=lambda span: span.to_json(indent=None) + "\n",
        )
    )
)
trace.set_tracer_provider(provider)
operations = Operations(MemoryStore(), observers=[Tracing()], sweep_seconds=0.05)


@operations.handler(
    name="scan",
    response=scanner_pb2.Manifest,
    metadata=scanner_pb2.ScanMetadata,
    on_interruption="retry",
)
async def scan(request: Any, operation: AsyncOperationContext) -> Any:
    await operation.report(scanner_pb2.ScanMetadata(progress_percent=40))
    (FOLDER / f"began-{operation.attempt}").touch()
    while not (FOLDER / "go").exists():
        await asyncio.sleep(0.01)
    return scanner_pb2.Manifest(bytes_total=operation.attempt)


class Scanner(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request: Any, context: Any) -> Any:
        return await operations.start(scan, request, context=context, parent=request.parent)


app = App(operations, servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, Scanner())])
