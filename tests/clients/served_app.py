"""An app whose work goes every way that work can go; `directory` says which.

    lro serve tests.clients.served_app:app

It borrows the messages and the path of the example service, and is served at the default paths.
"""

import asyncio
import os

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from longrunning import (
    App,
    AsyncOperationContext,
    FailedPrecondition,
    InProcessEngine,
    MemoryStore,
    Operations,
)

DOMAIN = "clients.example"

operations = Operations(
    MemoryStore(),
    domain=DOMAIN,
    engine=InProcessEngine(lease_seconds=float(os.environ.get("LEASE_SECONDS", "15"))),
)

TYPES = {"response": Manifest, "metadata": ScanMetadata}


@operations.handler(**TYPES, name="quick")
async def quick(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    await operation.report(ScanMetadata(files_total=3, files_done=3, progress_percent=100))
    return Manifest(bytes_total=42)


@operations.handler(**TYPES, name="slow")
async def slow(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    await operation.report(ScanMetadata(progress_percent=10))
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


@operations.handler(**TYPES, name="failing")
async def failing(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    raise FailedPrecondition(
        "The disk is full.", reason="DISK_FULL", metadata={"disk": "/dev/example"}
    )


@operations.handler(**TYPES, name="crashing")
async def crashing(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    raise ValueError("a secret")


@operations.handler(**TYPES, name="winning")
async def winning(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    """Finishes in spite of its cancellation."""
    await operation.report(ScanMetadata(progress_percent=10))
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return Manifest(bytes_total=7)
    raise AssertionError("nobody sets the event")


@operations.handler(**TYPES, name="stubborn")
async def stubborn(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    """Goes on in spite of its cancellation."""
    await operation.report(ScanMetadata(progress_percent=10))
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


@operations.handler(**TYPES, name="unstoppable", cancellable=False)
async def unstoppable(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


@operations.handler(**TYPES, name="repeatable", on_interruption="retry")
async def repeatable(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    """Never ends at its first attempt, and at once at the second."""
    await operation.report(ScanMetadata(files_done=operation.attempt))
    if operation.attempt == 1:
        await asyncio.Event().wait()
    return Manifest(bytes_total=operation.attempt)


HANDLERS = {
    handler.name: handler
    for handler in (quick, slow, failing, crashing, winning, stubborn, unstoppable, repeatable)
}


class ScannerServicer(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        return await operations.start(
            HANDLERS[request.directory],
            request,
            context=context,
            parent=request.parent,
            request_id=request.request_id,
        )


app = App(
    operations,
    servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, ScannerServicer())],
)
