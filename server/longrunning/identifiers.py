"""Ids that sort by the time of their making.

Spec: RFC 9562, sections 5.7 and 6.2 (UUID version 7, monotonic)
"""

import secrets
import threading
import uuid
from collections.abc import Callable

_RANDOM_BITS = 74
_LAST = (1 << _RANDOM_BITS) - 1


class IdFactory:
    """Makes UUIDs of version 7, each greater than the one before it; may be shared by threads.

    Args:
        random_bits: returns that many random bits as an integer.
    """

    def __init__(self, random_bits: Callable[[int], int] = secrets.randbits) -> None:
        self._random_bits = random_bits
        self._lock = threading.Lock()
        self._millisecond = 0
        self._tail = 0

    def __call__(self, now: int) -> str:
        """Returns an id of 36 characters out of `[0-9a-f-]` for a time in microseconds."""
        with self._lock:
            millisecond = now // 1000
            if millisecond > self._millisecond:
                self._millisecond = millisecond
                self._tail = self._random_bits(_RANDOM_BITS - 1)  # the top bit is room to count
            elif self._tail < _LAST:
                self._tail += 1 + self._random_bits(32)
            if self._tail > _LAST:
                self._millisecond += 1
                self._tail = self._random_bits(_RANDOM_BITS - 1)
            millisecond, tail = self._millisecond, self._tail
        value = (
            millisecond << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
        )
        return str(uuid.UUID(int=value))
