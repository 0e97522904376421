"""The fields of a message type, found by the names that clients write.

Spec: AIP-160, "Has operator" (field names may be converted between camel case and snake case)
"""

import difflib
from collections.abc import Iterable
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from longrunning.filters import literals
from longrunning.filters.cursor import shown

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


def find_field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    """Returns the field called `name` in snake case, camel case or JSON; None if there is none."""
    for fields in (descriptor.fields_by_name, descriptor.fields_by_camelcase_name):
        if name in fields:
            return fields[name]
    return next((field for field in descriptor.fields if field.json_name == name), None)


def no_field(owner: str, name: str, known: Iterable[str]) -> str:
    """Returns the message that there is no field `name`, with the name that may be meant."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}."
    return f"{owner} has no field {shown(name)}; {hint}"


def is_repeated(field: FieldDescriptor) -> bool:
    """Returns whether the field is a list or a map."""
    if hasattr(field, "is_repeated"):
        return field.is_repeated
    # Before protobuf 6.31; newer ones, and their stubs, have no `label`.
    return cast("bool", field.label == FieldDescriptor.LABEL_REPEATED)  # type: ignore[attr-defined]


def is_map(field: FieldDescriptor) -> bool:
    """Returns whether the field is a map."""
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry


def map_key(field: FieldDescriptor, text: str) -> str | int | bool | None:
    """Returns a key as a map has it, None if no key of its type is written like that.

    Args:
        field: the field `key` of the map's entries.
        text: the key as a filter has it.
    """
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return literals.as_bool(text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return text
    number = literals.as_number(text)
    lowest, highest = _INTEGERS[field.cpp_type]
    return number if isinstance(number, int) and lowest <= number <= highest else None
