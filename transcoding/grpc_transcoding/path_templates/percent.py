"""Percent-decoding of what a path carries.

What a template captures is decoded from the raw path, after it was split into segments, so that an
encoded slash never makes a segment. Broken escapes stay as they are written.

Spec: google/api/http.proto, "Path template syntax" (`%2F` in multi-segment variables); RFC 6570
section 3.2.3 (the reserved set); google.api.Http.fully_decode_reserved_expansion.
"""

from __future__ import annotations

import enum
import re
from urllib.parse import unquote_to_bytes

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_RESERVED = frozenset(b"!#$&'()*+,/:;=?@[]")
_SLASH = frozenset(b"/")


class Unescape(enum.Enum):
    """What a multi-segment capture decodes.

    Spec: google/api/http.proto; `ALL_BUT_RESERVED` is the default of grpc-httpjson-transcoding.
    """

    ALL = "all"
    ALL_BUT_SLASH = "all but %2F"
    ALL_BUT_RESERVED = "all but the reserved characters of RFC 6570"


_KEPT = {
    Unescape.ALL: frozenset[int](),
    Unescape.ALL_BUT_SLASH: _SLASH,
    Unescape.ALL_BUT_RESERVED: _RESERVED,
}


class InvalidEscapeError(ValueError):
    """A path whose bytes, once decoded, are not UTF-8."""


def decode(raw: bytes, unescape: Unescape = Unescape.ALL) -> str:
    """Decodes one capture of a path.

    Args:
        raw: As the request line carries it.
        unescape: Which escapes are decoded; the others stay as they are written.

    Raises:
        InvalidEscapeError: The decoded bytes are not UTF-8.
    """
    if b"%" in raw:
        kept = _KEPT[unescape]
        if not kept:
            raw = unquote_to_bytes(raw)
        else:
            raw = _ESCAPE.sub(
                lambda found: (
                    found.group()
                    if int(found.group()[1:], 16) in kept
                    else bytes.fromhex(found.group()[1:].decode("ascii"))
                ),
                raw,
            )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidEscapeError from None
