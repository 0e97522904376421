"""How one request wants its reply, and the bytes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpc_transcoding.errors import TranscodingError, invalid_argument
from grpc_transcoding.http.endpoint import Endpoint, shown_type
from grpc_transcoding.http.reply_cache import ReplyCache
from grpc_transcoding.http.reply_style import ReplyEncoder, ReplyStyle
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.threads import LARGE
from grpc_transcoding.messages.json_reply import JsonFormat, dump, encode_json, json_value
from grpc_transcoding.messages.masks import FieldSelection
from grpc_transcoding.messages.system_parameters import (
    NO_SYSTEM_PARAMETERS,
    Alt,
    SystemParameters,
)

_MEDIA_TYPE_FALLBACK = b"application/octet-stream"


def style_of(endpoint: Endpoint, head: RequestHead, system: SystemParameters) -> ReplyStyle:
    """Returns how a request wants its reply.

    Raises:
        TranscodingError: It wants what the method does not have.
    """
    if system is NO_SYSTEM_PARAMETERS and b"x-goog-fieldmask" not in head.named:
        return endpoint.style
    mask = system.fields or head.named.get(b"x-goog-fieldmask", b"").decode("latin-1")
    json = endpoint.style.json
    if system.alt is Alt.SSE and not endpoint.server_streaming:
        raise _bad_alt("sse", "is for methods that stream their replies")
    if system.alt is Alt.MEDIA and not endpoint.replies_http_body:
        raise _bad_alt("media", "is for methods that reply with bytes of a media type")
    if system.alt is Alt.PROTO and (endpoint.client_streaming or endpoint.server_streaming):
        raise _bad_alt("proto", "is for methods with one reply")
    if system.alt is Alt.PROTO and mask:
        raise _bad_alt("proto", "shows the whole reply: a mask of fields is for JSON")
    if system.pretty or system.enums_as_numbers:
        numbers = json.enums_as_numbers or system.enums_as_numbers
        json = replace(json, pretty=system.pretty, enums_as_numbers=numbers)
    selection = None
    if mask:
        message = shown_type(endpoint.rpc.descriptor, json.response_body)
        selection = FieldSelection(mask, message)
    return ReplyStyle(json=json, alt=system.alt, selection=selection)


def _bad_alt(name: str, problem: str) -> TranscodingError:
    return invalid_argument(
        f"'alt' is {name!r}, which {problem}", reason="INVALID_SYSTEM_PARAMETER", parameter="alt"
    )


class ReplyWriter:
    """Writes replies.

    Args:
        pool: Where the types inside an Any are looked up.
        encoder: Writes plain JSON replies, or None for the usual way.
    """

    def __init__(self, pool: DescriptorPool, encoder: ReplyEncoder | None) -> None:
        self._pool = pool
        self._encoder = encoder
        self._cache = encoder if isinstance(encoder, ReplyCache) else None
        self._may_use_threads = encoder is None or self._cache is not None

    def kept(
        self, endpoint: Endpoint, reply: Message, style: ReplyStyle
    ) -> tuple[bytes, bytes] | None:
        """Returns the content type and bytes of a reply that was written before, or None."""
        if self._cache is None or style is not endpoint.style or endpoint.replies_http_body:
            return None
        known = self._cache.find(reply, style.json)
        return None if known is None else (b"application/json", known)

    async def written(
        self, endpoint: Endpoint, reply: Message, style: ReplyStyle
    ) -> tuple[bytes, bytes]:
        """Returns a reply's content type and bytes; a large one is written on a thread.

        With an encoder of the user's own, it is not: that may not be made for threads.
        """
        if self._may_use_threads and reply.ByteSize() > LARGE:
            return await asyncio.to_thread(self.write, endpoint, reply, style)
        return self.write(endpoint, reply, style)

    def write(self, endpoint: Endpoint, reply: Message, style: ReplyStyle) -> tuple[bytes, bytes]:
        """Returns a reply's content type and bytes."""
        if endpoint.replies_http_body:
            return self._http_body(reply, style)
        if style.alt is Alt.PROTO:
            return b"application/x-protobuf", reply.SerializeToString()
        if style.selection is not None:
            value = json_value(reply, style.json, self._pool)
            return b"application/json", dump(style.selection.apply(value), style.json)
        if self._encoder is not None:
            return b"application/json", self._encoder(reply, style.json, self._encode)
        return b"application/json", encode_json(reply, style.json, self._pool)

    def _encode(self, reply: Message, style: JsonFormat) -> bytes:
        return encode_json(reply, style, self._pool)

    def _http_body(self, reply: Message, style: ReplyStyle) -> tuple[bytes, bytes]:
        field = style.json.response_body
        part: Any = getattr(reply, field) if field else reply
        # A header holds no control characters, whatever the servicer says.
        said = part.content_type
        plain = said if said.isascii() and said.isprintable() else ""
        return plain.encode("ascii") or _MEDIA_TYPE_FALLBACK, part.data
