"""A door in the process of a test, with limits and a certificate of the test's choice."""

import contextlib
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from google.protobuf.wrappers_pb2 import StringValue

from examples.scanner._gen import scanner_pb2_grpc
from longrunning import App, MemoryStore, Operations
from longrunning.serving.addresses import Address
from longrunning.serving.door import Door, DoorAddress

with warnings.catch_warnings():
    # The oldest uvicorn that is allowed imports what newer versions of websockets deprecate.
    warnings.simplefilter("ignore", DeprecationWarning)
    import uvicorn.protocols.websockets.auto  # noqa: F401

SERVICE = Path(__file__).parents[3] / "protos" / "service_configs" / "scanner_v1.yaml"
PARENT = "projects/p/locations/l"
ANY_PORT = Address("127.0.0.1", 0)


class Scanner(scanner_pb2_grpc.ScannerServicer):  # type: ignore[misc]  # untyped base
    """Starts operations that nobody ends, and remembers who called.

    Attributes:
        callers: the `auth_context` of each call.
        metadata: of each call.
        response: of the operations that it returns.
    """

    def __init__(self, operations: Operations) -> None:
        self.operations = operations
        self.callers: list[dict[str, Any]] = []
        self.metadata: list[dict[str, Any]] = []
        self.response = StringValue()

    async def Scan(self, request: Any, context: Any) -> Any:
        self.callers.append(dict(context.auth_context()))
        self.metadata.append(dict(context.invocation_metadata()))
        operation = await self.operations.create(parent=request.parent)
        if self.response.value:
            operation.response.Pack(self.response)
        return operation


@contextlib.asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[DoorAddress, Scanner]]:
    """Serves a scanner; the options are those of `Door`."""
    operations = Operations(MemoryStore())
    scanner = Scanner(operations)
    servicers = [(scanner_pb2_grpc.add_ScannerServicer_to_server, scanner)]
    door = Door(App(operations, servicers=servicers, service_configs=[SERVICE]), **options)
    address = door.bind(ANY_PORT, ANY_PORT, grace=1)
    async with operations:
        await door.open()
        try:
            yield address, scanner
        finally:
            operations.answer_waiters()
            await door.close(0.2)
