"""Base64 in a JSON body, checked: protobuf's own parser drops what is no base64 without a word.

Spec: protobuf's JSON mapping, `bytes`: either alphabet, with or without padding.
"""

from __future__ import annotations

import re
from functools import lru_cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpc_transcoding.messages.fields import fields_by_any_name, inner_type, is_map, is_repeated

_BASE64 = re.compile(r"(?:[A-Za-z0-9+/_-]+={0,2})?\Z")


def place_of_bad_bytes(value: object, message: Descriptor, place: str = "") -> str | None:
    """Returns where a JSON value holds text for a bytes field that is no base64, or None.

    Args:
        value: What is to become a message.
        message: Its type; values of other types are left to the parser to refuse.
        place: The path to the value.
    """
    if not holds_bytes(message) or not isinstance(value, dict):
        return None
    for key, member in value.items():
        field = fields_by_any_name(message).get(key)
        if field is None:
            continue
        found = _in_field(member, field, f"{place}.{key}" if place else str(key))
        if found is not None:
            return found
    return None


def _in_field(value: object, field: FieldDescriptor, place: str) -> str | None:
    items = [(place, value)]
    if is_map(field):
        field = inner_type(field).fields_by_name["value"]
        entries = value.items() if isinstance(value, dict) else ()
        items = [(f"{place}[{key}]", entry) for key, entry in entries]
    elif is_repeated(field):
        elements = value if isinstance(value, list) else ()
        items = [(f"{place}[{index}]", element) for index, element in enumerate(elements)]
    for item_place, item in items:
        if field.type == FieldDescriptor.TYPE_BYTES or _is_wrapper(field):
            if isinstance(item, str) and not _BASE64.match(item):
                return item_place
        elif field.message_type is not None:
            found = place_of_bad_bytes(item, field.message_type, item_place)
            if found is not None:
                return found
    return None


def _is_wrapper(field: FieldDescriptor) -> bool:
    inner = field.message_type
    return inner is not None and inner.full_name == "google.protobuf.BytesValue"


@lru_cache(maxsize=4096)
def holds_bytes(message: Descriptor) -> bool:
    """Says whether a bytes field is anywhere in a message; inside an Any is not looked."""
    seen = {message.full_name}
    waiting = [message]
    while waiting:
        for field in waiting.pop().fields:
            if field.type == FieldDescriptor.TYPE_BYTES:
                return True
            inner = field.message_type
            if inner is None or inner.full_name in seen or inner.full_name == "google.protobuf.Any":
                continue
            seen.add(inner.full_name)
            waiting.append(inner)
    return False
