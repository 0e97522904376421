"""The gRPC face of operations."""

from longrunning.servicer.operations_servicer import OperationsServicer, Target

__all__ = ["OperationsServicer", "Target"]
