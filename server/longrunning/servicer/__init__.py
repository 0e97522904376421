"""The gRPC face of operations."""

from longrunning.servicer.error_interceptor import ErrorInterceptor
from longrunning.servicer.operations_servicer import OperationsServicer, Target
from longrunning.servicer.sync_error_interceptor import SyncErrorInterceptor
from longrunning.servicer.sync_operations_servicer import SyncOperationsServicer

__all__ = [
    "ErrorInterceptor",
    "OperationsServicer",
    "SyncErrorInterceptor",
    "SyncOperationsServicer",
    "Target",
]
