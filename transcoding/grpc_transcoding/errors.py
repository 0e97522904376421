"""What a transcoder itself refuses, before or after the servicer is called.

Each refusal is a google.rpc.Status with ErrorInfo, so REST clients see one shape of error,
whoever raised it.

Spec: AIP-193; google/rpc/code.proto; google/rpc/error_details.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2


class TranscodingError(Exception):
    """A request that the transcoder answers itself.

    Attributes:
        code: The canonical code.
        message: For people; says what was wrong and what would be right.
        reason: For programs: UPPER_SNAKE, stable.
        field: The request field that is at fault, or an empty string.
        metadata: The variable parts of the message.
        http_status: The HTTP status, if it is not the one of the code.
        headers: Extra headers of the reply.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str,
        field: str = "",
        metadata: Mapping[str, str] | None = None,
        http_status: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.field = field
        self.metadata = dict(metadata or {})
        self.http_status = http_status
        self.headers = headers

    def status(self, domain: str) -> status_pb2.Status:
        """Returns the error as a google.rpc.Status with its details."""
        metadata = {"field": self.field, **self.metadata} if self.field else self.metadata
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=domain, metadata=metadata)
        details = [packed(info)]
        if self.field:
            violation = error_details_pb2.BadRequest.FieldViolation(
                field=self.field, description=self.message
            )
            details.append(packed(error_details_pb2.BadRequest(field_violations=[violation])))
        return status_pb2.Status(code=self.code.value[0], message=self.message, details=details)


class MisplacedCredentialError(TranscodingError):
    """A credential where none is taken: told first, since without it nobody knows who calls."""


class ReflectionError(LookupError):
    """A remote server that does not tell its services, at least not now."""


def packed(message: Message) -> any_pb2.Any:
    """Returns a message in an Any."""
    wrapped = any_pb2.Any()
    wrapped.Pack(message)
    return wrapped


def invalid_argument(
    message: str, *, reason: str, field: str = "", **metadata: str
) -> TranscodingError:
    """Returns the refusal of a request that can never succeed as it is."""
    return TranscodingError(
        grpc.StatusCode.INVALID_ARGUMENT, message, reason=reason, field=field, metadata=metadata
    )


def shortened(text: str, limit: int = 80) -> str:
    """Returns text as it may stand in a message: printable, and not longer than `limit`."""
    shown = text if len(text) <= limit else text[:limit] + "..."
    return shown if shown.isprintable() else shown.encode("unicode_escape").decode("ascii")
