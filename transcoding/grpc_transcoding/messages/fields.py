"""Fields of a message, found by the names that HTTP requests use for them."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message


def descriptor_of(message: Message) -> Descriptor:
    """Returns the descriptor of a message, typed as the one class that users know."""
    return cast(Descriptor, message.DESCRIPTOR)


def inner_type(field: FieldDescriptor) -> Descriptor:
    """Returns the message type of a field that is known to have one."""
    assert field.message_type is not None
    return field.message_type


def is_repeated(field: FieldDescriptor) -> bool:
    """Says whether a field is a list or a map."""
    # protobuf before 6.31 has no such attribute, and from 7 on no `label`.
    known = getattr(field, "is_repeated", None)
    if known is None:
        return bool(getattr(field, "label", None) == FieldDescriptor.LABEL_REPEATED)
    return bool(known)


def is_map(field: FieldDescriptor) -> bool:
    """Says whether a field is a map."""
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def is_well_known(message: Descriptor) -> bool:
    """Says whether protobuf's JSON mapping has a form of its own for a message."""
    return message.full_name.startswith("google.protobuf.")


@lru_cache(maxsize=4096)
def fields_by_any_name(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Returns the fields of a message by proto name and by JSON name.

    Spec: protobuf's JSON mapping: parsers accept both.
    """
    names = {field.json_name: field for field in message.fields}
    names.update({field.name: field for field in message.fields})
    return names
