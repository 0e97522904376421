"""The JSON of replies that were written before: pollers read the same ones again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from google.protobuf.message import Message

from grpc_transcoding.http.reply_style import Encode
from grpc_transcoding.messages.json_reply import JsonFormat, ProvisionalJson

_ENTRY_BYTES = 304  # of an entry beside its bytes: a tuple, two objects and a place in the table


class ReplyCache:
    """A `ReplyEncoder` that keeps the JSON of replies, by what is in them.

    A reply is looked up by its serialised bytes, its type and the style, so what is found is right
    whoever changed what: there is nothing to invalidate. One with an Any of an unknown type is not
    kept, since the type may be known the next time. It pays where replies are asked for more
    often than they change, and costs a serialisation (half a microsecond) where they are not.

    It may be called from several threads. Give each transcoder one of its own: what it knows of the
    types inside an Any is in what is kept.

    Args:
        max_bytes: Of all that is kept, keys, JSON and what Python takes for them; the oldest makes
            room.
        max_reply_bytes: Of one serialised reply; a larger one is not kept.
    """

    def __init__(
        self, *, max_bytes: int = 16 * 1024 * 1024, max_reply_bytes: int = 64 * 1024
    ) -> None:
        self._max_bytes = max_bytes
        self._max_reply_bytes = max_reply_bytes
        # A plain dict takes the longer to find its oldest entry, the more have gone before it.
        self._kept: OrderedDict[tuple[bytes, type[Message], JsonFormat], bytes] = OrderedDict()
        self._keeping = threading.Lock()
        self.size = 0

    def __call__(self, reply: Message, style: JsonFormat, encode: Encode) -> bytes:
        """Returns the JSON of a reply."""
        raw = reply.SerializeToString()
        key = (raw, type(reply), style)
        known = self._kept.get(key)
        if known is not None:
            return known
        json = encode(reply, style)
        if len(raw) <= self._max_reply_bytes and not isinstance(json, ProvisionalJson):
            self._keep(key, json)
        return json

    def find(self, reply: Message, style: JsonFormat) -> bytes | None:
        """Returns the JSON of a reply if it is kept, or None."""
        return self._kept.get((reply.SerializeToString(), type(reply), style))

    def _keep(self, key: tuple[bytes, type[Message], JsonFormat], json: bytes) -> None:
        # Large replies are written on threads, so two may be kept at once, or the same one twice.
        with self._keeping:
            if key in self._kept:
                return
            self._kept[key] = json
            self.size += len(key[0]) + len(json) + _ENTRY_BYTES
            while self.size > self._max_bytes:
                (raw, *_), oldest = self._kept.popitem(last=False)
                self.size -= len(raw) + len(oldest) + _ENTRY_BYTES
