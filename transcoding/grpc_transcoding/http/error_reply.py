"""Google's JSON of an error, for every failure.

    {"error": {"code": 404, "message": "...", "status": "NOT_FOUND", "details": [...]}}

Spec: AIP-193, "HTTP/1.1+JSON representation"; google/rpc/code.proto (HTTP mappings).
"""

from __future__ import annotations

import logging
from typing import NamedTuple

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2

from grpc_transcoding.calls.metadata import to_headers
from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.errors import ReflectionError, TranscodingError
from grpc_transcoding.http.asgi import ASGIApp, Headers, Receive, Scope, Send
from grpc_transcoding.messages.json_reply import JsonFormat, dump, to_value

_log = logging.getLogger("grpc_transcoding")

HTTP_STATUS: dict[grpc.StatusCode, int] = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DATA_LOSS: 500,
}
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}


class Reply(NamedTuple):
    """What is sent as one piece.

    Attributes:
        status: The HTTP status.
        headers: Without Content-Length.
        body: All of it.
    """

    status: int
    headers: Headers
    body: bytes


class ErrorReplies:
    """Turns what was raised into a reply.

    Args:
        pool: Where the types of details are looked up.
        domain: Of the ErrorInfo of the transcoder's own refusals.
        www_authenticate: The challenge of a 401 if the servicer sends none; empty for none.
    """

    def __init__(self, pool: DescriptorPool, domain: str, www_authenticate: str) -> None:
        self._pool = pool
        self._domain = domain
        self._www_authenticate = www_authenticate.encode("latin-1")

    def of(self, error: Exception, initial_metadata: Headers | None = None) -> Reply:
        """Returns the reply to a request that failed; what is not known is logged, not told."""
        status, http_status = self._status(error)
        headers: Headers = [(b"content-type", b"application/json"), *(initial_metadata or ())]
        if isinstance(error, TranscodingError):
            headers += [(name.encode(), value.encode("latin-1")) for name, value in error.headers]
        elif isinstance(error, CallFailure):
            headers += to_headers(error.trailers, "grpc-trailer-")
        names = {name for name, _ in headers}
        if http_status == 401 and b"www-authenticate" not in names and self._www_authenticate:
            headers.append((b"www-authenticate", self._www_authenticate))
        if http_status == 503 and b"retry-after" not in names:
            headers += retry_after(status)
        return Reply(http_status, headers, dump(self._value(status, http_status), JsonFormat()))

    def body(self, error: Exception) -> bytes:
        """Returns the JSON of an error alone, for the end of a stream."""
        return dump(self._value(*self._status(error)), JsonFormat())

    def _status(self, error: Exception) -> tuple[status_pb2.Status, int]:
        if isinstance(error, TranscodingError):
            return error.status(self._domain), error.http_status or HTTP_STATUS[error.code]
        if isinstance(error, CallFailure):
            try:
                return error.status(self._domain), HTTP_STATUS[error.code]
            except (TypeError, ValueError) as wrong:  # a message that is no text, or no UTF-8
                error = wrong
        _log.error("a request failed with %s", type(error).__name__, exc_info=error)
        internal = CallFailure(
            grpc.StatusCode.INTERNAL, "Internal error.", reason="TRANSCODER_FAILED"
        )
        return internal.status(self._domain), 500

    def _value(self, status: status_pb2.Status, http_status: int) -> dict[str, object]:
        error: dict[str, object] = {
            "code": http_status,
            "message": status.message,
            "status": _CODES.get(status.code, grpc.StatusCode.UNKNOWN).name,
        }
        if status.details:
            details = [to_value(detail, JsonFormat(), self._pool) for detail in status.details]
            error["details"] = details
        return {"error": error}


def retry_after(status: status_pb2.Status) -> Headers:
    """Returns the header Retry-After, in whole seconds rounded up, if there is a RetryInfo."""
    for detail in status.details:
        info = error_details_pb2.RetryInfo()
        if detail.Is(info.DESCRIPTOR) and detail.Unpack(info):
            delay = info.retry_delay
            seconds = max(0, delay.seconds + (1 if delay.nanos > 0 else 0))
            return [(b"retry-after", b"%d" % seconds)]
    return []


def not_built(error: Exception, domain: str) -> ASGIApp:
    """Returns an application that answers in place of one that could not be built.

    It is 503 if the server behind cannot be asked; anything else is for the log, and 500.
    """
    if isinstance(error, ReflectionError):
        _log.error("the service behind cannot be asked: %s", error)
        error = TranscodingError(
            grpc.StatusCode.UNAVAILABLE,
            "the server behind this one does not tell its services",
            reason="BACKEND_UNAVAILABLE",
        )
    reply = ErrorReplies(descriptor_pool.Default(), domain, "").of(error)

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
        await send(start)
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})

    return app
