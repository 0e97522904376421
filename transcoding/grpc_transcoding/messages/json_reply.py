"""From a message to the JSON of a reply.

An Any whose type is not known here is written as `{"@type": ..., "value": "<base64>"}`: it is
shown, though a strict client cannot read it.

Spec: protobuf's JSON mapping; google/api/http.proto, HttpRule.response_body.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from google.protobuf import any_pb2, json_format, message_factory, wrappers_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message

from grpc_transcoding.messages.fields import (
    descriptor_of,
    inner_type,
    is_map,
    is_repeated,
    is_well_known,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """How a reply is written; equal formats write equal bytes, so it can be part of a cache key.

    Attributes:
        enums_as_numbers: `$alt=json;enum-encoding=int`.
        pretty: `prettyPrint=true`: indented, on several lines.
        print_defaults: Fields without presence are written though they have their default.
        proto_names: `snake_case` names as in the .proto file.
        response_body: The field that is the body, or "" for all of the message.
    """

    enums_as_numbers: bool = False
    pretty: bool = False
    print_defaults: bool = False
    proto_names: bool = False
    response_body: str = ""


class ProvisionalJson(bytes):
    """JSON in which an Any of an unknown type is shown; once that is known, it is another."""


def encode_json(message: Message, style: JsonFormat, pool: DescriptorPool) -> bytes:
    """Returns a message as the JSON of a reply, UTF-8; it may be a `ProvisionalJson`.

    Args:
        message: Is not changed.
        style: How it is written.
        pool: Where the types inside an Any are looked up.
    """
    try:
        value = _reply_value(message, style, pool, _to_value)
    except _NOT_SHOWN:
        return ProvisionalJson(dump(_reply_value(message, style, pool, _with_stand_ins), style))
    return dump(value, style)


def json_value(message: Message, style: JsonFormat, pool: DescriptorPool) -> object:
    """Returns a reply, or its `response_body`, as a JSON value."""
    return _reply_value(message, style, pool, to_value)


def dump(value: object, style: JsonFormat) -> bytes:
    """Returns a JSON value as UTF-8: on one line, unless the style is pretty."""
    if style.pretty:
        return json.dumps(value, ensure_ascii=False, indent=2).encode() + b"\n"
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def to_value(message: Message, style: JsonFormat, pool: DescriptorPool) -> object:
    """Returns a message as a JSON value."""
    try:
        return _to_value(message, style, pool)
    except _NOT_SHOWN:
        return _with_stand_ins(message, style, pool)


# Of the messages that protobuf has no JSON for, an Any of an unknown type is the usual one.
_NOT_SHOWN = (TypeError, json_format.Error, DecodeError, ValueError)

_Write = Callable[[Message, JsonFormat, DescriptorPool], object]


def _with_stand_ins(message: Message, style: JsonFormat, pool: DescriptorPool) -> object:
    copy = type(message)()
    copy.CopyFrom(message)
    _hide_unknown(copy, pool)
    return _restored(_to_value(copy, style, pool))


def _reply_value(
    message: Message, style: JsonFormat, pool: DescriptorPool, write: _Write
) -> object:
    if style.response_body:
        return _field_value(message, style.response_body, style, pool, write)
    return write(message, style, pool)


def _field_value(
    message: Message, name: str, style: JsonFormat, pool: DescriptorPool, write: _Write
) -> object:
    """Returns one field of a message as a JSON value; its default where it is not set."""
    field = descriptor_of(message).fields_by_name[name]
    if field.has_presence and not message.HasField(name):
        # An unset message is an empty one, but an unset Timestamp is not the one at zero.
        shown = field.message_type
        return None if shown is None or is_well_known(shown) else {}
    part = type(message)()
    if is_repeated(field):
        getattr(part, name).MergeFrom(getattr(message, name))
    elif field.message_type is not None:
        getattr(part, name).CopyFrom(getattr(message, name))
        getattr(part, name).SetInParent()
    else:
        setattr(part, name, getattr(message, name))
    key = name if style.proto_names else field.json_name
    value = write(part, style, pool)
    assert isinstance(value, dict)
    if key not in value:  # a default, which is printed here though not inside a message
        value = write(part, replace(style, print_defaults=True), pool)
        assert isinstance(value, dict)
    return value.get(key)


def _to_value(message: Message, style: JsonFormat, pool: DescriptorPool) -> object:
    return json_format.MessageToDict(
        message,
        always_print_fields_with_no_presence=style.print_defaults,
        preserving_proto_field_name=style.proto_names,
        use_integers_for_enums=style.enums_as_numbers,
        descriptor_pool=pool,
    )


# The stand-in for an Any that cannot be shown: a BytesValue, whose JSON is "value" in base64, and
# a mark in the URL by which its true type is found again. No type URL holds a control character.
_MARK = "/\x00/"
_STAND_IN = f"{_MARK}{wrappers_pb2.BytesValue.DESCRIPTOR.full_name}"


def _hide_unknown(message: Message, pool: DescriptorPool) -> None:
    if isinstance(message, any_pb2.Any) or message.DESCRIPTOR.full_name == "google.protobuf.Any":
        _hide_any(message, pool)
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if is_map(field):
            if inner_type(field).fields_by_name["value"].message_type is not None:
                for entry in value.values():
                    _hide_unknown(entry, pool)
        elif is_repeated(field):
            for item in value:
                _hide_unknown(item, pool)
        else:
            _hide_unknown(value, pool)


def _hide_any(holder: Message, pool: DescriptorPool) -> None:
    url, value = holder.type_url, holder.value  # type: ignore[attr-defined]
    try:
        inner = message_factory.GetMessageClass(
            pool.FindMessageTypeByName(url.rpartition("/")[2])
        ).FromString(value)
        _hide_unknown(inner, pool)
        # An Any inside may have changed; if this raises, the Any cannot be shown by its type.
        _to_value(inner, JsonFormat(), pool)
        holder.value = inner.SerializeToString()  # type: ignore[attr-defined]
    except (KeyError, TypeError, DecodeError, json_format.Error, ValueError):
        stand_in = wrappers_pb2.BytesValue(value=value)
        holder.type_url = url + _STAND_IN  # type: ignore[attr-defined]
        holder.value = stand_in.SerializeToString()  # type: ignore[attr-defined]


def _restored(value: object) -> object:
    if isinstance(value, dict):
        restored = {key: _restored(inner) for key, inner in value.items()}
        url = restored.get("@type")
        if isinstance(url, str) and url.endswith(_STAND_IN):
            restored["@type"] = url[: -len(_STAND_IN)]
        return restored
    if isinstance(value, list):
        return [_restored(inner) for inner in value]
    return value
