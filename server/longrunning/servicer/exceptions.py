"""The one place that decides what clients learn of a servicer's exception.

Spec: AIP-193
"""

import logging
import secrets
from typing import Any

import grpc

from longrunning.errors import Internal, OperationsError

_log = logging.getLogger(__name__)


def told(error: Exception) -> OperationsError:
    """Returns what clients see of an exception; what they do not see is in the log."""
    if isinstance(error, OperationsError):
        return error
    correlation = secrets.token_hex(8)
    _log.error("a servicer failed [%s]", correlation, exc_info=error)
    return Internal(
        "Internal error.", reason="SERVICER_FAILED", metadata={"correlation_id": correlation}
    )


def parts_of(handler: Any) -> tuple[Any, Any]:  # noqa: ANN401 - grpc's handlers have no type
    """Returns a handler's function, and what makes a handler of its kind."""
    if handler.request_streaming:
        if handler.response_streaming:
            return handler.stream_stream, grpc.stream_stream_rpc_method_handler
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler
