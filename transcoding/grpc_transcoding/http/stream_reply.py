"""A streamed reply: as a JSON array, as JSON lines, as server-sent events, or as raw bytes.

An error in mid-stream is the last thing in it, so that the client sees it: the last element of the
array, the last line, an event named `error`.

Spec: https://html.spec.whatwg.org/multipage/server-sent-events.html; the array with a last element
`{"error": ...}` is how Google's APIs stream JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grpc_transcoding.http.asgi import Headers, Send
from grpc_transcoding.messages.request_body import LINE_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How messages follow each other.

    Attributes:
        content_type: Of the whole reply.
        before: Stands before the first message.
        between: Stands between two messages.
        message: Puts one message into its frame.
        error: Puts the error into its frame.
        after: Stands behind the last message.
    """

    content_type: bytes
    before: bytes = b""
    between: bytes = b""
    message: Callable[[bytes], bytes]
    error: Callable[[bytes], bytes]
    after: bytes = b""


def _as_is(data: bytes) -> bytes:
    return data


def _line(data: bytes) -> bytes:
    # A line is one line, even if the JSON in it is pretty.
    return data.replace(b"\n", b"") + b"\n"


def _event(data: bytes) -> bytes:
    return b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"


def _error_event(data: bytes) -> bytes:
    return b"event: error\n" + _event(data)


JSON_ARRAY = Framing(
    content_type=b"application/json",
    before=b"[",
    between=b",\n",
    message=_as_is,
    error=_as_is,
    after=b"]",
)
JSON_LINES = Framing(content_type=b"application/x-ndjson", message=_line, error=_line)
EVENTS = Framing(content_type=b"text/event-stream", message=_event, error=_error_event)

_BY_TYPE = {
    "application/json": JSON_ARRAY,
    **dict.fromkeys(LINE_TYPES, JSON_LINES),
    "text/event-stream": EVENTS,
    "application/*": JSON_ARRAY,
    "*/*": JSON_ARRAY,
}


def framing_for(accept: bytes | None) -> Framing:
    """Returns the framing that a client prefers; a JSON array if it says nothing that is known.

    Spec: RFC 9110, section 12.5.1 (Accept), with its quality values.
    """
    best, best_quality = JSON_ARRAY, 0.0
    for part in (accept or b"").decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        framing = _BY_TYPE.get(name)
        quality = _quality(parameters)
        if framing is not None and quality > best_quality:
            best, best_quality = framing, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


class StreamReply:
    """Sends a streamed reply, message by message.

    Args:
        send: The request's ASGI channel.
        framing: How the messages follow each other.
        headers: Called once, when the first byte leaves.
        is_head: Whether only the head is sent.
    """

    def __init__(
        self, send: Send, framing: Framing, headers: Callable[[], Headers], *, is_head: bool = False
    ) -> None:
        self._send = send
        self._framing = framing
        self._headers = headers
        self._is_head = is_head
        self.has_begun = False

    async def message(self, data: bytes) -> None:
        """Sends one message."""
        framing = self._framing
        lead = framing.between if self.has_begun else framing.before
        await self._begin(framing.content_type)
        await self._body(lead + framing.message(data), more=True)

    async def raw(self, data: bytes, content_type: bytes) -> None:
        """Sends bytes without a frame; the first ones say their type."""
        await self._begin(content_type)
        await self._body(data, more=True)

    async def end(self, error: bytes | None = None) -> None:
        """Ends the reply, well or with an error."""
        framing = self._framing
        tail = b"" if self.has_begun else framing.before
        if error is not None:
            tail = (framing.between if self.has_begun else framing.before) + framing.error(error)
        await self._begin(framing.content_type)
        await self._body(tail + framing.after, more=False)

    async def end_raw(self) -> None:
        """Ends a reply of bytes without a frame."""
        await self._begin(b"application/octet-stream")
        await self._body(b"", more=False)

    async def _begin(self, content_type: bytes) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        headers = [(b"content-type", content_type), *self._headers()]
        if content_type == EVENTS.content_type:
            headers.append((b"cache-control", b"no-cache"))  # a stream of events is never the same
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def _body(self, data: bytes, *, more: bool) -> None:
        if self._is_head:
            data = b""
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
