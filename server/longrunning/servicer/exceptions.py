"""The one place that decides what clients learn of a servicer's exception.

Spec: AIP-193
"""

import logging
import secrets

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
