"""The server side of google.longrunning.Operations.

operations = Operations(SQLiteStore("operations.db"))

@operations.handler(method="pkg.Service/Method")
async def work(request, operation): ...

app = App(operations, servicers=[...])     # lro serve module:app
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longrunning.engines import (
        AsyncOperationContext,
        Engine,
        InProcessEngine,
        OperationCancelled,
        SyncOperationContext,
        WorkersElsewhere,
    )
    from longrunning.engines.ray import RayEngine
    from longrunning.errors import (
        Aborted,
        AlreadyExists,
        DeadlineExceeded,
        FailedPrecondition,
        Internal,
        InvalidArgument,
        OperationConflict,
        OperationNotFound,
        OperationsError,
        OperationTooLarge,
        PermissionDenied,
        ResourceExhausted,
        Unauthenticated,
        Unavailable,
        Unimplemented,
    )
    from longrunning.handlers import Handler, Resources
    from longrunning.observing import Observer
    from longrunning.operations import Operations
    from longrunning.portal import Portal
    from longrunning.servicer import ErrorInterceptor, OperationsServicer, SyncErrorInterceptor
    from longrunning.serving import App
    from longrunning.stores import MemoryStore, SQLiteStore, Store, StoreError
    from longrunning.stores import PostgresStore as PostgresStore

# Where each name is defined. They are imported when they are first used, since the command line
# needs few of them, and gRPC with a server around it takes a quarter of a second to import.
_HOMES = {
    "Aborted": "errors",
    "AlreadyExists": "errors",
    "App": "serving",
    "AsyncOperationContext": "engines",
    "DeadlineExceeded": "errors",
    "Engine": "engines",
    "ErrorInterceptor": "servicer",
    "FailedPrecondition": "errors",
    "Handler": "handlers",
    "InProcessEngine": "engines",
    "Internal": "errors",
    "InvalidArgument": "errors",
    "MemoryStore": "stores",
    "Observer": "observing",
    "OperationCancelled": "engines",
    "OperationConflict": "errors",
    "OperationNotFound": "errors",
    "OperationTooLarge": "errors",
    "Operations": "operations",
    "OperationsError": "errors",
    "OperationsServicer": "servicer",
    "PermissionDenied": "errors",
    "Portal": "portal",
    "PostgresStore": "stores",
    "RayEngine": "engines.ray",
    "ResourceExhausted": "errors",
    "Resources": "handlers",
    "SQLiteStore": "stores",
    "Store": "stores",
    "StoreError": "stores",
    "SyncErrorInterceptor": "servicer",
    "SyncOperationContext": "engines",
    "Unauthenticated": "errors",
    "Unavailable": "errors",
    "Unimplemented": "errors",
    "WorkersElsewhere": "engines",
}

# All but PostgresStore, which needs an extra: `import *` must work without it.
__all__ = [
    "Aborted",
    "AlreadyExists",
    "App",
    "AsyncOperationContext",
    "DeadlineExceeded",
    "Engine",
    "ErrorInterceptor",
    "FailedPrecondition",
    "Handler",
    "InProcessEngine",
    "Internal",
    "InvalidArgument",
    "MemoryStore",
    "Observer",
    "OperationCancelled",
    "OperationConflict",
    "OperationNotFound",
    "OperationTooLarge",
    "Operations",
    "OperationsError",
    "OperationsServicer",
    "PermissionDenied",
    "Portal",
    "RayEngine",
    "ResourceExhausted",
    "Resources",
    "SQLiteStore",
    "Store",
    "StoreError",
    "SyncErrorInterceptor",
    "SyncOperationContext",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "WorkersElsewhere",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
