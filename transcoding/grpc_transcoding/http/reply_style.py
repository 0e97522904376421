"""How replies are written, and the seam for those who know a reply's JSON already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message

from grpc_transcoding.messages.json_reply import JsonFormat
from grpc_transcoding.messages.masks import FieldSelection
from grpc_transcoding.messages.system_parameters import Alt

Encode = Callable[[Message, JsonFormat], bytes]


class ReplyEncoder(Protocol):
    """Writes replies as JSON; one that knows a reply's JSON already can hand that over.

    It is called after the interceptors, with what they let through, so that no cache can be ahead
    of an authorisation.
    """

    def __call__(self, reply: Message, style: JsonFormat, encode: Encode) -> bytes:
        """Returns the JSON of a reply: `encode(reply, style)`, or the same bytes from elsewhere.

        Args:
            reply: What the method answered; the very object, unless an interceptor replaced it.
            style: How it is to be written; part of the key of any cache.
            encode: Writes it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyStyle:
    """How a reply is written.

    Attributes:
        json: As JSON.
        alt: Or otherwise.
        selection: The fields that it shows, or None for all.
    """

    json: JsonFormat
    alt: Alt = Alt.JSON
    selection: FieldSelection | None = None
