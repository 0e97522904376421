"""An app whose work is empty."""

from google.protobuf import empty_pb2

from longrunning import App, AsyncOperationContext, MemoryStore, Operations

operations = Operations(MemoryStore())


@operations.handler(name="empty")
async def empty(request: empty_pb2.Empty, operation: AsyncOperationContext) -> None:
    """Does nothing."""


app = App(operations)
