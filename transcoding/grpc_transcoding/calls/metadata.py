"""HTTP headers as gRPC metadata, and back.

Spec: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Custom-Metadata; the prefix
`Grpc-Metadata-` is that of grpc-gateway.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from grpc_transcoding.errors import invalid_argument, shortened


class Metadatum(NamedTuple):
    """One entry of metadata: some interceptors read `.key` and `.value`, others unpack it."""

    key: str
    value: str | bytes


Metadata = tuple[tuple[str, str | bytes], ...]

_PREFIX = "grpc-metadata-"
_KEY = re.compile(r"[0-9a-z_.\-]+\Z")
_LONGEST_KEPT = 128
_TEXT = bytes(range(0x20, 0x7F))
# Of this connection, or of this HTTP message, and so of no meaning to the call.
_NOT_CARRIED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)
# What a servicer sends under these names is meant for HTTP as it is.
_PLAIN_REPLY_HEADERS = frozenset(
    {"cache-control", "content-disposition", "etag", "location", "retry-after", "www-authenticate"}
)
_VALUE = re.compile(r"[\x20-\x7e]*\Z")


def _metadata_key(name: bytes) -> str | None:
    """Returns the key under which a header is carried, or None if it is not."""
    # A cache of long names would be the clients' memory, not ours.
    return _short_key(name) if len(name) <= _LONGEST_KEPT else _key_of(name)


def _key_of(name: bytes) -> str | None:
    key = name.decode("latin-1").lower()
    key = key.removeprefix(_PREFIX)
    if key in _NOT_CARRIED or key.startswith("grpc-") or not _KEY.match(key):
        return None
    return key


_short_key = lru_cache(maxsize=1024)(_key_of)


def from_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Metadatum, ...]:
    """Returns the metadata that a request's headers stand for.

    Headers of the connection are left out, and so is what gRPC could not carry: keys with other
    characters than `0-9a-z_.-`, text that is not printable ASCII, and what `check_binary` refuses.
    """
    metadata: list[Metadatum] = []
    for name, value in headers:
        key = _metadata_key(name)
        if key is None:
            continue
        if key.endswith("-bin"):
            with contextlib.suppress(binascii.Error):
                metadata.extend([Metadatum(key, part) for part in _decoded(value)])
        elif not value.translate(None, _TEXT):  # half of a regular expression, for a long token
            metadata.append(Metadatum(key, value.decode("ascii").strip()))
    return tuple(metadata)


def check_binary(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Looks at the headers that stand for binary metadata.

    Raises:
        TranscodingError: A header whose name ends with `-bin` is not base64.
    """
    for name, value in headers:
        key = _metadata_key(name)
        if key is None or not key.endswith("-bin"):
            continue
        try:
            _decoded(value)
        except binascii.Error:
            key = shortened(key)
            raise invalid_argument(
                f"the header {key!r} should be base64: its name ends with '-bin'",
                reason="INVALID_METADATA",
                header=key,
            ) from None


def _decoded(value: bytes) -> list[bytes]:
    return [
        base64.b64decode(part.strip() + b"=" * (-len(part.strip()) % 4), validate=True)
        for part in value.split(b",")
    ]


def to_headers(
    metadata: Iterable[tuple[str, str | bytes]], prefix: str
) -> list[tuple[bytes, bytes]]:
    """Returns a call's metadata as headers of the reply.

    Args:
        metadata: Initial or trailing; entries of gRPC itself (`grpc-...`) are left out.
        prefix: `grpc-metadata-` or `grpc-trailer-`.
    """
    headers = []
    for key, value in metadata:
        if key.startswith("grpc-") or not _KEY.match(key):
            continue
        if isinstance(value, bytes):
            text = base64.b64encode(value).decode("ascii").rstrip("=")
        elif _VALUE.match(value):
            text = value
        else:
            continue
        name = key if key in _PLAIN_REPLY_HEADERS else prefix + key
        headers.append((name.encode("ascii"), text.encode("ascii")))
    return headers
