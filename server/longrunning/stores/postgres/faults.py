"""What PostgreSQL's errors mean to those who operate the store, and to its callers."""

import logging

import psycopg
from psycopg import errors

from longrunning.errors import (
    Aborted,
    Internal,
    OperationsError,
    ResourceExhausted,
    Unavailable,
)
from longrunning.stores.contract import StoreError

_log = logging.getLogger(__name__)

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_FULL = (errors.DiskFull, errors.OutOfMemory, errors.ProgramLimitExceeded)

Fault = psycopg.Error | TimeoutError
"""What a driver's call raises; running out of time is one of its errors."""


def opening_error(url: str, error: Fault) -> StoreError:
    """Returns what to tell an operator whose store does not open."""
    return StoreError(f"{url} cannot be used as a store: {_said(error)}")


def serving_error(error: Fault) -> OperationsError:
    """Returns what to tell a caller, and logs what PostgreSQL said."""
    if isinstance(error, errors.UniqueViolation):
        # Creations skip what is there, so it was the index of the operations that are under way.
        return Aborted("Another operation is under way.", reason="OPERATION_CONFLICT")
    code = getattr(error, "sqlstate", None) or type(error).__name__
    _log.error("PostgreSQL refused: %s (%s)", _said(error), code)
    if isinstance(error, _FULL):
        return ResourceExhausted("The store has no room for this.", reason="STORE_FULL")
    if isinstance(error, psycopg.DataError):
        return Internal("The store cannot keep this.", reason="STORE_REFUSED")  # nor ever will
    return Unavailable("The store cannot serve this now.", reason="STORE_UNAVAILABLE")


def is_undone(error: Fault) -> bool:
    """Whether the database undid a transaction that stood in the way of another."""
    return isinstance(error, errors.DeadlockDetected | errors.SerializationFailure)


def is_connection_lost(error: Fault) -> bool:
    """Whether it was the connection that failed, and another one may do."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not isinstance(
        error, (*_FULL, errors.QueryCanceled, errors.DeadlockDetected, errors.SerializationFailure)
    )


def _said(error: Fault) -> str:
    """Returns the message as one line, without the statement that PostgreSQL quotes behind it."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error)).split()) or "it did not answer in time"
