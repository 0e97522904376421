"""Handlers that tests run in processes; they find them here by name."""

from google.protobuf import wrappers_pb2

from longrunning import MemoryStore, Operations, SyncOperationContext

TEXT = wrappers_pb2.StringValue

operations = Operations(MemoryStore())


@operations.handler(name="trace", run="process", response=TEXT)
def trace(request: TEXT, operation: SyncOperationContext) -> TEXT:
    """Returns the trace that it is part of."""
    return TEXT(value=operation.trace)


@operations.handler(name="fail", run="process")
def fail(request: TEXT, operation: SyncOperationContext) -> None:
    """Raises what clients do not see."""
    raise ValueError("secret")
