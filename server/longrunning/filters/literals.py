"""What a literal means where a field of a certain type is read.

A literal has no type of its own: `5` is a number beside a number and a text beside a string. Each
function here reads a text as one type and answers None where it is none of it. Quotes change
nothing: `"5"` and `5` are the same.

Spec: AIP-160, "Comparison operators" (type conversion) and wildcards; RFC 3339. That a date alone
means its midnight, that seconds since 1970 and a missing offset (UTC) are understood, is what real
services document.
"""

import base64
import binascii
import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from google.rpc import code_pb2

NANOS = 1_000_000_000

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAMED_FLOATS = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}
_DURATION = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?s")
_SECONDS = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,9}))?")
_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})"
    r"(?:[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_bool(text: str) -> bool | None:
    """Reads `true` or `false`, in these letters."""
    return {"true": True, "false": False}.get(text)


def as_number(text: str) -> int | float | None:
    """Reads an integer or a float, exactly where it is an integer."""
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) or text in _NAMED_FLOATS:
        return float(_NAMED_FLOATS.get(text, text))
    return None


def as_status_code(text: str) -> int | float | None:
    """Reads the name of a `google.rpc.Code`, or any number."""
    code = code_pb2.Code.DESCRIPTOR.values_by_name.get(text)
    return as_number(text) if code is None else int(code.number)


def as_single(number: float) -> float:
    """Returns the value that a 32-bit float field has when `number` was written to it."""
    try:
        (single,) = struct.unpack("f", struct.pack("f", float(number)))
        return float(single)
    except OverflowError:  # beyond the range of every float
        return float("inf") if number > 0 else float("-inf")


def as_duration(text: str) -> int | None:
    """Reads `3.5s` as nanoseconds."""
    match = _DURATION.fullmatch(text)
    return _nanoseconds(*match.groups()) if match else None


def as_timestamp(text: str) -> int | None:
    """Reads an RFC 3339 time, a date or seconds since 1970 as nanoseconds since 1970."""
    if match := _SECONDS.fullmatch(text):
        return _nanoseconds(*match.groups())
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, sign, hours, minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{time or '00:00:00'}+00:00")
    except ValueError:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset >= timedelta(days=1) or int(minutes or 0) > 59:
        return None
    elapsed = (moment - _EPOCH) - (-offset if sign == "-" else offset)
    seconds = elapsed.days * 86_400 + elapsed.seconds
    return seconds * NANOS + int((fraction or "0").ljust(9, "0"))


def as_bytes(text: str) -> bytes | None:
    """Reads base64 in either alphabet, padded or not, as JSON shows bytes."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def equals_pattern(pieces: tuple[str, ...]) -> Callable[[str], bool]:
    """Returns the test whether a whole string is `pieces` with anything between each two."""
    if len(pieces) == 1:
        return pieces[0].__eq__
    first, *middle, last = pieces
    shortest = len(first) + len(last)

    def matches(text: str) -> bool:
        if len(text) < shortest or not text.startswith(first) or not text.endswith(last):
            return False
        # The leftmost place for each piece leaves the most room for the rest, so there is nothing
        # to try again: time grows with the text, never with the number of wildcards to its power.
        position, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, position, end)
            if found < 0:
                return False
            position = found + len(piece)
        return True

    return matches


def contains_pattern(pieces: tuple[str, ...]) -> Callable[[str], bool]:
    """Returns the test of `:`: a string has it inside, or, with wildcards, is it as a whole."""
    if len(pieces) > 1:
        return equals_pattern(pieces)
    return lambda text: pieces[0] in text


def _nanoseconds(sign: str, seconds: str, fraction: str | None) -> int:
    total = int(seconds) * NANOS + int((fraction or "0").ljust(9, "0"))
    return -total if sign else total
