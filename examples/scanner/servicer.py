"""The RPC that starts scans."""

import asyncio
import re
from typing import Any

import grpc.aio
from google.longrunning import operations_pb2

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import ScanRequest
from examples.scanner.excerpt import excerpt
from examples.scanner.root import Root
from longrunning import Handler, InvalidArgument, Operations

_PARENT = re.compile(r"projects/[^/]+/locations/[^/]+")

_Context = grpc.aio.ServicerContext[Any, Any]


class ScannerServicer(scanner_pb2_grpc.ScannerServicer):
    """Answers `longrunning.examples.scan.v1.Scanner`.

    Args:
        operations: what it starts belongs to.
        scan: the handler that does the work.
        root: what may be scanned.
    """

    def __init__(self, operations: Operations, scan: Handler[..., Any], root: Root) -> None:
        self._operations = operations
        self._scan = scan
        self._root = root

    async def Scan(self, request: ScanRequest, context: _Context) -> operations_pb2.Operation:
        """Starts a scan, unless the request can never succeed as it is.

        What is raised here ends the RPC with its own status: an `App` sees to that.

        Spec: AIP-151, "Errors": what prevents the start is an error of the RPC.
        """
        _check_parent(request.parent)
        await asyncio.to_thread(self._root.check, request.directory)
        return await self._operations.start(
            self._scan,
            request,
            context=context,
            parent=request.parent,
            request_id=request.request_id,
        )


def _check_parent(parent: str) -> None:
    if not _PARENT.fullmatch(parent):
        raise InvalidArgument(
            f"The parent is {excerpt(parent)!r}: "
            "expected 'projects/{project}/locations/{location}'.",
            field="parent",
            reason="INVALID_PARENT",
            metadata={"parent": excerpt(parent)},
        )
