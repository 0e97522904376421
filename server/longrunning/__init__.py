"""The server side of google.longrunning.Operations.

operations = Operations(SQLiteStore("operations.db"))

@operations.handler(method="pkg.Service/Method")
async def work(request, operation): ...

app = App(operations, servicers=[...])     # lro serve module:app
"""

from longrunning.engines import (
    AsyncOperationContext,
    Engine,
    InProcessEngine,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.errors import (
    Aborted,
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    OperationNotFound,
    OperationsError,
    OperationTooLarge,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from longrunning.handlers import Handler
from longrunning.operations import Operations
from longrunning.servicer import OperationsServicer
from longrunning.serving import App
from longrunning.stores import MemoryStore, SQLiteStore, Store, StoreError

__all__ = [
    "Aborted",
    "AlreadyExists",
    "App",
    "AsyncOperationContext",
    "DeadlineExceeded",
    "Engine",
    "FailedPrecondition",
    "Handler",
    "InProcessEngine",
    "Internal",
    "InvalidArgument",
    "MemoryStore",
    "OperationCancelled",
    "OperationNotFound",
    "OperationTooLarge",
    "Operations",
    "OperationsError",
    "OperationsServicer",
    "PermissionDenied",
    "ResourceExhausted",
    "SQLiteStore",
    "Store",
    "StoreError",
    "SyncOperationContext",
    "Unavailable",
    "Unimplemented",
]
