"""The reply to a gRPC call: head, frames and trailers, as ASGI events.

ASGI cannot end a reply with its head, so an error is never Trailers-Only: it is a head, no message,
and trailers, which the protocol allows as well.

Spec: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Responses; ASGI's extension
`http.response.trailers`.
"""

import base64
from urllib.parse import quote

from benchmarks.grpc_over_asgi.frames import ACCEPTED, framed
from grpc_transcoding.calls.metadata import Metadata, to_headers
from grpc_transcoding.calls.outcome import STATUS_DETAILS, CallFailure
from grpc_transcoding.http.asgi import Headers, Send

_HEAD: Headers = [(b"content-type", b"application/grpc"), (b"grpc-accept-encoding", ACCEPTED)]
_START = {"type": "http.response.start", "status": 200, "headers": _HEAD, "trailers": True}
_OK: Headers = [(b"grpc-status", b"0")]
_TRAILERS = {"type": "http.response.trailers", "headers": _OK}
_NO_MESSAGE = {"type": "http.response.body", "body": b"", "more_body": False}
# Printable ASCII but the percent sign stands for itself in Grpc-Message.
_PLAIN = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class Reply:
    """Sends the reply to one call.

    Args:
        send: of the request.
    """

    __slots__ = ("_has_begun", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def whole(self, message: bytes, initial: Metadata | None, trailing: Metadata) -> None:
        """Sends all of a reply that is one message."""
        await self._send(
            {**_START, "headers": _HEAD + to_headers(initial, "")} if initial else _START
        )
        await self._send({"type": "http.response.body", "body": framed(message)})
        await self._send({**_TRAILERS, "headers": _ok(trailing)} if trailing else _TRAILERS)

    async def message(self, message: bytes, initial: Metadata | None) -> None:
        """Sends one message of a streamed reply."""
        await self._begin(initial)
        event = {"type": "http.response.body", "body": framed(message), "more_body": True}
        await self._send(event)

    async def end(self, initial: Metadata | None, trailing: Metadata) -> None:
        """Ends a streamed reply well."""
        await self._finish(initial, _ok(trailing))

    async def fail(self, failure: CallFailure, initial: Metadata | None) -> None:
        """Ends the reply with a status other than OK."""
        message = quote(failure.message, safe=_PLAIN).encode("ascii")
        trailers = [(b"grpc-status", b"%d" % failure.code.value[0]), (b"grpc-message", message)]
        for key, value in failure.trailers:
            if key == STATUS_DETAILS and isinstance(value, bytes):
                trailers.append((key.encode(), base64.b64encode(value).rstrip(b"=")))
        await self._finish(initial, trailers + to_headers(failure.trailers, ""))

    async def _begin(self, initial: Metadata | None) -> None:
        if not self._has_begun:
            self._has_begun = True
            await self._send({**_START, "headers": _HEAD + to_headers(initial or (), "")})

    async def _finish(self, initial: Metadata | None, trailers: Headers) -> None:
        await self._begin(initial)
        await self._send(_NO_MESSAGE)
        await self._send({"type": "http.response.trailers", "headers": trailers})


def _ok(trailing: Metadata) -> Headers:
    return _OK + to_headers(trailing, "")
