"""The gRPC face of operations."""

from longrunning.servicer.error_interceptor import ErrorInterceptor
from longrunning.servicer.operations_servicer import OperationsServicer, Target

__all__ = ["ErrorInterceptor", "OperationsServicer", "Target"]
