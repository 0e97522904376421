"""Handlers in a module that can be imported once only: not by another process."""

import os
import sys

from google.protobuf import wrappers_pb2

from longrunning.engines.context import SyncOperationContext
from longrunning.handlers import Handlers

handlers = Handlers()

if "pytest" not in os.environ.get("PYTEST_CURRENT_TEST", "") and "pytest" not in sys.modules:
    raise ImportError("the driver of the tape is missing")


@handlers.handler(run="process", response=wrappers_pb2.StringValue)
def handler(
    request: wrappers_pb2.StringValue, operation: SyncOperationContext
) -> wrappers_pb2.StringValue:
    return request
