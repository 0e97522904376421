"""Tokens that were good: what they said is kept, so that not every call checks it anew.

Whoever keeps one says beside it what its goodness rests on (a set of keys, the time of an answer),
and looks at that again before the token counts once more. Nothing is kept of one that was refused.
"""

import hashlib
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from longrunning.auth.claims import Bearer

MAX_BYTES = 8 * 1024 * 1024
_BYTES_EACH = 1024  # a digest, a bearer without its texts, and the room that dictionaries take

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Verified(Generic[P]):
    """A token that was good.

    Attributes:
        bearer: what it says.
        proof: what its goodness rests on.
    """

    bearer: Bearer
    proof: P


class VerifiedTokens(Generic[P]):
    """Keeps tokens by their digests; those used longest ago make room.

    Args:
        max_bytes: about how much memory all of them may take.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[bytes, Verified[P]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, token: str) -> Verified[P] | None:
        """Returns what was kept of a token."""
        digest = _digest(token)
        kept = self._kept.get(digest)
        if kept is not None:
            self._kept.move_to_end(digest)
        return kept

    def keep(self, token: str, bearer: Bearer, proof: P) -> None:
        """Keeps a token that was good, in the place of what was kept of it."""
        self.drop(token)
        self._kept[_digest(token)] = Verified(bearer, proof)
        self._bytes += _size(bearer)
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest.bearer)

    def drop(self, token: str) -> None:
        """Forgets a token."""
        kept = self._kept.pop(_digest(token), None)
        if kept is not None:
            self._bytes -= _size(kept.bearer)

    def clear(self) -> None:
        """Forgets all of them."""
        self._kept.clear()
        self._bytes = 0


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _size(bearer: Bearer) -> int:
    caller = bearer.caller
    texts = (caller.subject, caller.id, *caller.scopes)
    return _BYTES_EACH + sys.getsizeof(caller.scopes) + sum(map(sys.getsizeof, texts))
