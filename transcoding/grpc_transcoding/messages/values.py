"""From the text of a query parameter or path segment to the value of a field.

Spec: protobuf's JSON mapping, for the single values that a URL can hold.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from grpc_transcoding.messages.fields import descriptor_of, is_repeated
from grpc_transcoding.messages.json_body import parse_json

_INTEGER = re.compile(r"[+-]?[0-9]{1,32}\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z", re.ASCII)
_SNAKE = re.compile(r"(?<=[a-z0-9])_([a-z])")
# A Struct in a query is not deeper than this.
_DEEPEST_JSON = 32
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BOOLEANS = {"true": True, "false": False}
_JSON_TYPES = frozenset({"Struct", "Value", "ListValue"})
_TEXT_TYPES = frozenset({"Timestamp", "Duration", "FieldMask"})

_INT32 = (-(2**31), 2**31 - 1)
_INT64 = (-(2**63), 2**63 - 1)
_RANGES = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_FIXED32: (0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.TYPE_FIXED64: (0, 2**64 - 1),
}


class InvalidValueError(ValueError):
    """A text that is no value of its field's type.

    Attributes:
        wanted: What would have been right, as a noun phrase.
    """

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


def scalar_value(field: FieldDescriptor, text: str) -> object:
    """Returns the value of a scalar or enum field that a text stands for.

    Raises:
        InvalidValueError: The text is not a value of that type, or out of its range.
    """
    return _PARSERS[field.type](field, text)


def is_textual_message(field: FieldDescriptor) -> bool:
    """Says whether a field's message type can be written as one text (a wrapper, a Timestamp)."""
    message = field.message_type
    return (
        message is not None
        and message.full_name.startswith("google.protobuf.")
        and (
            message.name in _TEXT_TYPES | _JSON_TYPES
            or message.file.name == "google/protobuf/wrappers.proto"
        )
    )


def set_textual_message(message: Message, text: str) -> None:
    """Fills a well-known message from its text.

    Raises:
        InvalidValueError: The text does not stand for such a message.
    """
    descriptor = descriptor_of(message)
    if descriptor.file.name == "google/protobuf/wrappers.proto":
        inner = descriptor.fields_by_name["value"]
        message.value = scalar_value(inner, text)  # type: ignore[attr-defined]
        message.SetInParent()
        return
    if descriptor.name in _TEXT_TYPES:
        wanted = _WANTED_TEXT[descriptor.name]
        value: Any = _camel_mask(text) if descriptor.name == "FieldMask" else text
    else:
        wanted = "JSON for a " + descriptor.full_name
        value = _json_value(descriptor.name, text, wanted)
    try:
        json_format.ParseDict(value, message, max_recursion_depth=_DEEPEST_JSON)
    except Exception:  # protobuf raises whatever the value leads it to
        raise InvalidValueError(wanted) from None
    message.SetInParent()


_WANTED_TEXT = {
    "Timestamp": "an RFC 3339 timestamp, such as 2006-01-02T15:04:05Z",
    "Duration": "a duration in seconds, such as 3.5s",
    "FieldMask": "a list of field paths, such as name,book.title",
}


def _camel_mask(text: str) -> str:
    # In a query, people write masks with the names that the .proto file has, as in gRPC.
    return _SNAKE.sub(lambda found: found[1].upper(), text)


def _json_value(name: str, text: str, wanted: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        if name == "Value" and not _NUMBER.match(text):
            return text  # a bare word is a string
        raise InvalidValueError(wanted) from None


def _integer(field: FieldDescriptor, text: str) -> int:
    low, high = _RANGES[field.type]
    wanted = f"an integer from {low} to {high}"
    if not _INTEGER.match(text):
        raise InvalidValueError(wanted)
    value = int(text)
    if not low <= value <= high:
        raise InvalidValueError(wanted)
    return value


def _double(field: FieldDescriptor, text: str) -> float:
    if text in _SPECIAL:
        return _SPECIAL[text]
    value = float(text) if _NUMBER.match(text) else math.inf
    if field.type == FieldDescriptor.TYPE_FLOAT and math.isfinite(value):
        try:
            struct.pack("<f", value)
        except OverflowError:
            value = math.inf
    if math.isinf(value):
        size = "32" if field.type == FieldDescriptor.TYPE_FLOAT else "64"
        raise InvalidValueError(f"a {size}-bit floating-point number, NaN, Infinity or -Infinity")
    return value


def _boolean(_field: FieldDescriptor, text: str) -> bool:
    if text not in _BOOLEANS:
        raise InvalidValueError("true or false")
    return _BOOLEANS[text]


def _string(_field: FieldDescriptor, text: str) -> str:
    return text


def _bytes(_field: FieldDescriptor, text: str) -> bytes:
    # A query decodes '+' to a space: '+' is in the standard alphabet, a space in neither.
    standard = text.replace("-", "+").replace("_", "/").replace(" ", "+").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidValueError("base64, in the standard or the URL-safe alphabet") from None


def _enum(field: FieldDescriptor, text: str) -> int:
    enum = field.enum_type
    assert enum is not None
    if text in enum.values_by_name:
        return int(enum.values_by_name[text].number)
    if enum.full_name == "google.protobuf.NullValue" and text == "null":
        return 0
    if _INTEGER.match(text):
        number = int(text)
        open_enum = not getattr(enum, "is_closed", False)
        if number in enum.values_by_number or (open_enum and _INT32[0] <= number <= _INT32[1]):
            return number
    names = ", ".join(value.name for value in enum.values[:5])
    more = ", ..." if len(enum.values) > 5 else ""
    raise InvalidValueError(f"a value of {enum.full_name} ({names}{more}) or its number")


_PARSERS: dict[int, Callable[[FieldDescriptor, str], object]] = {
    **dict.fromkeys(_RANGES, _integer),
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_FLOAT: _double,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _bytes,
    FieldDescriptor.TYPE_ENUM: _enum,
}


def is_plain_string(field: FieldDescriptor) -> bool:
    """Says whether a field is one string, which needs no conversion at all."""
    return field.type == FieldDescriptor.TYPE_STRING and not is_repeated(field)
