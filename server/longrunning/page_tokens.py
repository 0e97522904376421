"""Page tokens: opaque, authenticated, and good for one list only.

    token = base64url( version expiry position mac )

The mac covers the position, the expiry, and everything that must not change between the pages of
one list: everything that its request says, but for the size of a page, and who asks.

Spec: AIP-158
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

from longrunning.clock import DAY
from longrunning.errors import InvalidArgument

_HEADER = struct.Struct(">BQ")
_VERSION = 1
_MAC_BYTES = 16
_LIFETIME = 3 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ListBinding:
    """What makes two requests pages of the same list; `page_size` is free to change."""

    service: str
    parent: str
    filter: str
    partial_success: bool
    caller: str

    def encode(self) -> bytes:
        """Returns an unambiguous serialization: each part behind its length."""
        partial = str(self.partial_success)
        parts = (self.service, self.parent, self.filter, partial, self.caller)
        encoded = [part.encode() for part in parts]
        return b"".join(struct.pack(">I", len(part)) + part for part in encoded)


class PageTokens:
    """Writes and reads the page tokens of one store.

    Args:
        key: the secret that authenticates them; every replica that shares the store has it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def write(self, position: str, binding: ListBinding, *, now: int) -> str:
        """Returns the token of the page that begins behind `position`."""
        body = _HEADER.pack(_VERSION, now + _LIFETIME) + position.encode()
        token = base64.urlsafe_b64encode(body + self._mac(body, binding))
        return token.rstrip(b"=").decode()

    def read(self, token: str, binding: ListBinding, *, now: int) -> str:
        """Returns the position in a token.

        Raises:
            InvalidArgument: it is not ours, was made for another list, or has expired.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid("it is not a token of this service") from None
        body, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(body) <= _HEADER.size or not hmac.compare_digest(mac, self._mac(body, binding)):
            raise _invalid(
                "it belongs to another list; all but page_size must be as for the page before"
            )
        _, expiry = _HEADER.unpack_from(body)
        if expiry < now:
            raise _invalid("it has expired; start again from the first page")
        return body[_HEADER.size :].decode()

    def _mac(self, body: bytes, binding: ListBinding) -> bytes:
        message = struct.pack(">I", len(body)) + body + binding.encode()
        return hmac.new(self._key, message, hashlib.sha256).digest()[:_MAC_BYTES]


def _invalid(why: str) -> InvalidArgument:
    return InvalidArgument(
        f"The page token is invalid: {why}.", field="page_token", reason="INVALID_PAGE_TOKEN"
    )
