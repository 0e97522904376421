"""A value without a field: looked for in everything that an operation says.

Spec: AIP-160, "Literals". Considered are, in the operation and in whatever its `Any`s hold: strings
(the value stands somewhere in them, or is the whole of them where it has wildcards), numbers and
names of enum values (equal to it), and type URLs. Not considered are names of fields, keys of maps,
booleans, bytes, times and durations, nor what is packed more than eight `Any`s deep.
"""

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from longrunning.filters import literals
from longrunning.filters.fields import is_repeated
from longrunning.filters.packed import PackedReader
from longrunning.filters.syntax import Value

MAX_PACKED = 8

_UNREAD = frozenset({"google.protobuf.Timestamp", "google.protobuf.Duration"})
_NUMBERS = frozenset(
    {
        FieldDescriptor.CPPTYPE_INT32,
        FieldDescriptor.CPPTYPE_INT64,
        FieldDescriptor.CPPTYPE_UINT32,
        FieldDescriptor.CPPTYPE_UINT64,
        FieldDescriptor.CPPTYPE_DOUBLE,
        FieldDescriptor.CPPTYPE_FLOAT,
    }
)


def compile_search(value: Value, packed: PackedReader) -> Callable[[Message], bool]:
    """Returns the test whether `value` stands anywhere in a message.

    Args:
        value: what is looked for.
        packed: opens what is in an `Any`.
    """
    has_text = literals.contains_pattern(value.pieces)
    is_name = literals.equals_pattern(value.pieces)
    number = literals.as_number(value.text)

    def found(field: FieldDescriptor, content: str | bytes | float) -> bool:
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return isinstance(content, str) and has_text(content)
        if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
            assert field.enum_type is not None
            named = field.enum_type.values_by_number.get(int(content))
            return named is not None and is_name(named.name)
        return number is not None and field.cpp_type in _NUMBERS and bool(content == number)

    return lambda message: any(found(*leaf) for leaf in _leaves(message, packed))


def _leaves(message: Message, packed: PackedReader) -> Iterator[tuple[FieldDescriptor, Any]]:
    """Yields each scalar that is set, with its field, in a message and all that it holds."""
    # A list of what is still to do, since what is packed in each other can outgrow the stack.
    pending: list[tuple[Message, int]] = [(message, 0)]
    while pending:
        message, depth = pending.pop()
        if message.DESCRIPTOR.full_name in _UNREAD:
            continue
        if message.DESCRIPTOR.full_name == "google.protobuf.Any" and depth < MAX_PACKED:
            inside = packed.open(message)  # type: ignore[arg-type]  # its name says that it is one
            if inside is not None:
                pending.append((inside, depth + 1))
        for field, content in message.ListFields():
            entry = field.message_type
            if entry is None:
                for scalar in content if is_repeated(field) else (content,):
                    yield field, scalar
            elif entry.GetOptions().map_entry:
                value = entry.fields_by_name["value"]
                for element in content.values():
                    if value.message_type is None:
                        yield value, element
                    else:
                        pending.append((element, depth))
            else:
                pending.extend((m, depth) for m in (content if is_repeated(field) else (content,)))
