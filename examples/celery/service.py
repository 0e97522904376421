"""The service: it creates operations and puts tasks into the queue, and does no work itself.

    lro serve examples.celery.service:app

SCAN_LEASE is after how many seconds without a report a scan counts as lost, by default 60. The time
that its task waits in the queue is part of that.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2

from examples.celery.tasks import operations, root, scan
from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import ScanMetadata, ScanRequest
from longrunning import App

SERVICE_CONFIG = Path(__file__).parents[2] / "protos" / "service_configs" / "scanner_v1.yaml"
LEASE_SECONDS = float(os.environ.get("SCAN_LEASE", "60"))


class ScannerServicer(scanner_pb2_grpc.ScannerServicer):
    """Answers `longrunning.examples.scan.v1.Scanner`."""

    async def Scan(
        self,
        request: ScanRequest,
        context: grpc.aio.ServicerContext[Any, Any],  # noqa: ARG002 - grpc's own
    ) -> operations_pb2.Operation:
        """Creates an operation and has Celery do the work; what is raised ends the RPC."""
        await asyncio.to_thread(root.check, request.directory)
        operation = await operations.create(
            parent=request.parent,
            metadata=ScanMetadata(),
            method="longrunning.examples.scan.v1.Scanner/Scan",
            request=request,
            request_id=request.request_id,
            lease=LEASE_SECONDS,
        )
        # Only now that the operation is on disk. If this fails, or the queue loses the task, the
        # operation ends by its lease; whoever repeats the request sends the task once more.
        if not operation.done:
            await asyncio.to_thread(scan.delay, operation.name, request.directory)
        return operation


app = App(
    operations,
    servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, ScannerServicer())],
    service_configs=[SERVICE_CONFIG],
)
