"""The life of an operation: what is kept of it, and which steps it may take."""

from longrunning.lifecycle.record import Record, State
from longrunning.lifecycle.transitions import (
    TRANSITIONS,
    Event,
    IllegalTransition,
    StaleAttempt,
    cancel,
    checkpoint,
    claim,
    fail,
    release,
    report,
    request_cancel,
    succeed,
)

__all__ = [
    "TRANSITIONS",
    "Event",
    "IllegalTransition",
    "Record",
    "StaleAttempt",
    "State",
    "cancel",
    "checkpoint",
    "claim",
    "fail",
    "release",
    "report",
    "request_cancel",
    "succeed",
]
