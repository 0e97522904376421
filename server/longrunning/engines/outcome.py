"""How an attempt ends: the step that is written for what came of its handler."""

import logging
import secrets
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2

from longrunning import lifecycle
from longrunning.engines.remote_error import RemoteError
from longrunning.errors import Aborted, DeadlineExceeded, Internal, OperationsError
from longrunning.handlers import Handler
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import Record, State
from longrunning.packing import pack

_log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """The process that ran a handler ended without saying what came of it."""


class GrpcStatusError(OperationsError):
    """What a handler raised that is a `grpc.Status` besides being an exception."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, reason="HANDLER_FAILED")
        self.code = code  # type: ignore[misc]  # each has its own


def success(handler: Handler[Any, Any], response: object) -> Step:
    """Returns the step that ends an operation with its handler's response.

    Raises:
        TypeError: it is not of the class that the handler was declared with.
    """
    if response is None and handler.response is empty_pb2.Empty:
        response = empty_pb2.Empty()
    handler.check_response(response)
    assert isinstance(response, Message)
    packed: any_pb2.Any = pack(response)
    return lambda record, now: lifecycle.succeed(record, packed, now=now)


def failure(ledger: Ledger, error: OperationsError) -> Step:
    """Returns the step that ends an operation with an error.

    Raises:
        ValueError: it cannot be written, or its code is OK, which is no error.
    """
    status = ledger.status_of(error)
    if status.code == code_pb2.OK:
        raise ValueError(f"the code of {error!r} is 0, OK: expected another google.rpc.Code")
    return lambda record, now: lifecycle.fail(record, status, now=now)


def shown(handler: Handler[Any, Any], error: Exception) -> OperationsError | None:
    """Returns what clients see of an exception that its handler chose to show, else None.

    It did so if the exception is one of ours, is mapped by `errors`, or has what a `grpc.Status`
    has: a `code` that is a `grpc.StatusCode`, and `details` that are text. The errors of gRPC
    clients have methods of these names instead: what a service heard from another one is not for
    its own clients to see, unless `errors` says so.
    """
    if isinstance(error, RemoteError):
        return None  # its process has decided
    if isinstance(error.__cause__, RemoteError) and isinstance(error, OperationsError):
        return error
    for kind in type(error).__mro__:
        if (convert := handler.errors.get(kind)) is not None:
            return convert(error)
    if isinstance(error, OperationsError):
        return error
    code, details = getattr(error, "code", None), getattr(error, "details", None)
    if isinstance(code, grpc.StatusCode) and isinstance(details, str):
        return GrpcStatusError(code.value[0], details) if code is not grpc.StatusCode.OK else None
    return None


def hidden(name: str, error: BaseException) -> Internal:
    """Returns what clients see of any other exception; the log has it, under the same id."""
    correlation = secrets.token_hex(8)
    _log.error(
        "%s failed [%s]",
        name,
        correlation,
        exc_info=error,
        extra={"operation": name, "correlation_id": correlation},
    )
    return Internal(
        "The operation failed for a reason inside the service.",
        reason="HANDLER_FAILED",
        metadata={"correlation_id": correlation},
    )


def timed_out(ledger: Ledger) -> Step:
    """Returns the step for work that ran out of its time."""
    return failure(
        ledger, DeadlineExceeded("The operation ran out of its time.", reason="OPERATION_TIMEOUT")
    )


def interruption(ledger: Ledger, handler: Handler[Any, Any] | None) -> Step:
    """Returns the step for work that stopped without an outcome.

    Args:
        ledger: writes the error in it.
        handler: what the work declared; None for work that runs elsewhere.
    """

    def step(record: Record, now: int) -> Record:
        if record.state is State.CANCELLING:
            return lifecycle.cancel(record, now=now)
        if record.deadline and record.deadline <= now:
            return timed_out(ledger)(record, now)
        again = handler is not None and handler.on_interruption == "retry"
        if handler and again and record.attempt < handler.max_attempts:
            return lifecycle.release(record, now=now)
        lost = Aborted(
            "The worker of the operation was lost before it finished.",
            reason="WORKER_LOST",
            metadata={"attempt": str(record.attempt)},
        )
        return lifecycle.fail(record, ledger.status_of(lost), now=now)

    return step
