"""From a JSON body to a message, with the place of whatever is wrong in it.

Spec: protobuf's JSON mapping; RFC 8259.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.messages.bytes_fields import place_of_bad_bytes
from grpc_transcoding.messages.fields import (
    descriptor_of,
    fields_by_any_name,
    inner_type,
    is_map,
    is_repeated,
    is_well_known,
)


class RepeatedMemberError(ValueError):
    """An object that has a member twice: parsers differ in which one they take."""


def parse_json(text: str) -> object:
    """Parses a JSON text, strictly.

    Raises:
        ValueError: It is not JSON, it holds NaN, Infinity or a number that is as good as that, or
            an object has a member twice (RepeatedMemberError).
        RecursionError: It is too deep.
    """
    return json.loads(
        text,
        parse_constant=_no_constant,
        parse_float=_finite,
        object_pairs_hook=_without_repetition,
    )


def load_json(body: bytes, *, max_depth: int) -> object:
    """Parses a JSON text.

    Args:
        body: UTF-8.
        max_depth: How deep objects and arrays may be nested.

    Raises:
        TranscodingError: It is not UTF-8, not JSON, or too deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid_argument(
            f"the body is not UTF-8: byte {error.start + 1} is not part of a character",
            reason="INVALID_JSON",
            position=str(error.start + 1),
        ) from None
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        raise invalid_argument(
            f"the body is not JSON: syntax error at line {error.lineno}, column {error.colno}",
            reason="INVALID_JSON",
            line=str(error.lineno),
            column=str(error.colno),
        ) from None
    except RecursionError:
        raise _too_deep(max_depth) from None
    except RepeatedMemberError as error:
        shown = shortened(str(error))
        raise invalid_argument(
            f"the body is not JSON that means one thing: an object has the member {shown!r} twice",
            reason="INVALID_JSON",
            member=shown,
        ) from None
    except ValueError:
        raise invalid_argument(
            "the body is not JSON: it holds NaN, Infinity, or a number that is too large",
            reason="INVALID_JSON",
        ) from None
    # Fewer brackets than that cannot be nested deeper than that.
    if text.count("{") + text.count("[") > max_depth and _depth_exceeds(value, max_depth):
        raise _too_deep(max_depth)
    # An escape can write half of a surrogate pair, which is no character and no protobuf string.
    if ("\\ud" in text or "\\uD" in text) and _has_half_pair(value):
        raise invalid_argument(
            "the body is not JSON: it holds half of a surrogate pair", reason="INVALID_JSON"
        )
    return value


def parse_message(
    value: object,
    message: Message,
    *,
    pool: DescriptorPool,
    ignore_unknown: bool = False,
    place: str = "",
) -> None:
    """Merges a JSON value into a message.

    Args:
        value: What `load_json` returned.
        message: Is changed.
        pool: Where the types inside an Any are looked up.
        ignore_unknown: Whether members that are no field are passed over.
        place: The path to the value, for faults, if it is not the whole body.

    Raises:
        TranscodingError: The value does not describe such a message; it names the place.
    """
    try:
        if not isinstance(value, dict) and not is_well_known(descriptor_of(message)):
            raise TypeError
        json_format.ParseDict(
            cast(Any, value), message, ignore_unknown_fields=ignore_unknown, descriptor_pool=pool
        )
    except Exception:  # protobuf raises whatever the value leads it to
        raise _Diagnosis(pool, ignore_unknown).of(value, descriptor_of(message), place) from None
    if (bad := place_of_bad_bytes(value, descriptor_of(message), place)) is not None:
        raise _wrong(bad, bad, "base64")


class _Diagnosis:
    """Looks for the smallest part of a refused value that is refused by itself.

    A message is tried without the messages inside it, and those by themselves: a part is not read
    once more for each level that it is deep.
    """

    def __init__(self, pool: DescriptorPool, ignore_unknown: bool) -> None:
        self.pool = pool
        self.ignore_unknown = ignore_unknown

    def of(self, value: object, message: Descriptor, place: str) -> TranscodingError:
        """Returns the fault of a value that was refused as such a message."""
        return self._found(value, message, place) or _not_once(message, place)

    def _found(self, value: object, message: Descriptor, place: str) -> TranscodingError | None:
        where = place or "the body"
        if message.full_name == "google.protobuf.Any":
            return _wrong(where, place, "an object with '@type' naming a type that is known here")
        if is_well_known(message):
            return _wrong(where, place, f"the JSON form of {message.full_name}")
        if not isinstance(value, dict):
            return _wrong(where, place, f"a JSON object ({message.full_name})")
        flat: dict[str, object] = {}
        for key, member in value.items():
            member_place = f"{place}.{key}" if place else str(key)
            field = fields_by_any_name(message).get(key)
            if field is None:
                if self.ignore_unknown:
                    continue
                shown = shortened(member_place)
                within = (
                    f"{shortened(place)!r} ({message.full_name})" if place else message.full_name
                )
                return invalid_argument(
                    f"unknown field {shortened(str(key))!r} in {within}",
                    reason="UNKNOWN_FIELD",
                    field=shown,
                )
            flat[key] = member
            if isinstance(member, dict) and (inner := _plain_message(field)) is not None:
                flat[key] = {}
                if (found := self._found(member, inner, member_place)) is not None:
                    return found
            elif self._refused(message, {key: member}):
                return self._of_field(field, member, member_place)
        return _not_once(message, place) if self._refused(message, flat) else None

    def _of_field(self, field: FieldDescriptor, value: object, place: str) -> TranscodingError:
        holder = cast(Descriptor, field.containing_type)
        if is_map(field):
            if not isinstance(value, dict):
                return _wrong(place, place, "a JSON object (a map)")
            inner = inner_type(field).fields_by_name["value"]
            entries = list(value.items())
            at = _first_refused(
                entries, lambda some: self._refused(holder, {field.name: dict(some)})
            )
            if inner.message_type and at is not None:
                key, entry = entries[at]
                return self.of(entry, inner.message_type, f"{place}[{key}]")
            return _wrong(place, place, "a map with keys and values of the declared types")
        if is_repeated(field):
            if not isinstance(value, list):
                return _wrong(place, place, "a JSON array")
            at = _first_refused(value, lambda some: self._refused(holder, {field.name: some}))
            if at is not None:
                return self._of_one(field, value[at], f"{place}[{at}]")
            return _wrong(place, place, "a JSON array without null")
        return self._of_one(field, value, place)

    def _of_one(self, field: FieldDescriptor, value: object, place: str) -> TranscodingError:
        if field.message_type is not None:
            return self.of(value, field.message_type, place)
        if field.enum_type is not None:
            return _wrong(place, place, f"a value of {field.enum_type.full_name} or its number")
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _wrong(place, place, "base64")
        return _wrong(place, place, _WANTED.get(field.cpp_type, "a string"))

    def _refused(self, message: Descriptor, fields: dict[str, object]) -> bool:
        from google.protobuf import message_factory  # noqa: PLC0415 - only on the way to an error

        try:
            json_format.ParseDict(
                fields,
                message_factory.GetMessageClass(message)(),
                ignore_unknown_fields=self.ignore_unknown,
                descriptor_pool=self.pool,
            )
        except Exception:  # protobuf raises whatever the value leads it to
            return True
        return False


def _plain_message(field: FieldDescriptor) -> Descriptor | None:
    """Returns the type of a field that holds one message, written as an object of its fields."""
    message = field.message_type
    if message is None or is_repeated(field) or is_well_known(message):
        return None
    return message


def _not_once(message: Descriptor, place: str) -> TranscodingError:
    wanted = f"a {message.full_name} with each field and oneof set once"
    return _wrong(place or "the body", place, wanted)


def _first_refused(items: list[Any], is_refused: Callable[[list[Any]], bool]) -> int | None:
    """Returns the index of the first item that is refused by itself, or None."""
    # By halving: all tries together cost little more than the first one.
    if not is_refused(items):
        return None
    low, high = 0, len(items)
    while high - low > 1:
        middle = (low + high) // 2
        if is_refused(items[low:middle]):
            high = middle
        else:
            low = middle
    return low


_WANTED = {
    FieldDescriptor.CPPTYPE_INT32: "a 32-bit integer",
    FieldDescriptor.CPPTYPE_INT64: "a 64-bit integer",
    FieldDescriptor.CPPTYPE_UINT32: "an unsigned 32-bit integer",
    FieldDescriptor.CPPTYPE_UINT64: "an unsigned 64-bit integer",
    FieldDescriptor.CPPTYPE_DOUBLE: "a number",
    FieldDescriptor.CPPTYPE_FLOAT: "a 32-bit floating-point number",
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
}


def _wrong(where: str, place: str, wanted: str) -> TranscodingError:
    shown = shortened(where)
    return invalid_argument(
        f"{shown} should be {wanted}", reason="INVALID_FIELD_VALUE", field=shortened(place)
    )


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _without_repetition(members: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(members)
    if len(value) != len(members):
        seen: set[str] = set()
        for name, _ in members:
            if name in seen:
                raise RepeatedMemberError(name)
            seen.add(name)
    return value


def _too_deep(max_depth: int) -> TranscodingError:
    return invalid_argument(
        f"the body is nested deeper than {max_depth} levels",
        reason="BODY_TOO_DEEP",
        limit=str(max_depth),
    )


def _depth_exceeds(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(value, (dict, list)) for value in level)


def _has_half_pair(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
