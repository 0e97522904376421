"""The gRPC face of operations."""

from longrunning.servicer.operations_servicer import OperationsServicer

__all__ = ["OperationsServicer"]
