"""A restriction compiled into a test of a message, by the types of the fields on its way.

The types from Operation down to an `Any` are known when a filter is parsed, so what makes no sense
there is an error. What an `Any` holds is known only when an operation is read: there, whatever
makes no sense for its type just does not match. Both go through the same code below.

What does not match: a comparison, with whatever comparator, of a field that the type does not have
or that stands in a message that is not set. `NOT` of it does match.

Spec: AIP-160, "Traversal operator" and "Has operator"
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from google.protobuf import any_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from longrunning.filters import literals
from longrunning.filters.fields import find_field, is_map, is_repeated, map_key, no_field
from longrunning.filters.packed import PackedReader
from longrunning.filters.scalars import (
    Mismatch,
    Test,
    bool_test,
    number_test,
    ordered_test,
    scalar_test,
    string_test,
)
from longrunning.filters.syntax import Comparator, Restriction, Value

Predicate = Callable[[Any], bool]

TYPE_URL = "@type"
_WILDCARD = Value(pieces=("", ""))
_WRAPPERS = frozenset(
    f"google.protobuf.{scalar}Value"
    for scalar in ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32")
) | {"google.protobuf.UInt64Value"}
# JSON shows these inside an Any as {"@type": ..., "value": ...}, so clients write `.value`.
_SHOWN_AS_VALUE = _WRAPPERS | {
    f"google.protobuf.{name}"
    for name in ("Any", "Duration", "FieldMask", "ListValue", "Struct", "Timestamp", "Value")
}


def compile_restriction(
    restriction: Restriction, descriptor: Descriptor, packed: PackedReader
) -> Predicate:
    """Returns the test that `restriction` makes of messages of one type.

    Args:
        restriction: what is asked; its path begins in the message.
        descriptor: the type of the message.
        packed: opens what is in an `Any`.

    Raises:
        Mismatch: it makes no sense for this type.
    """
    return _Condition(restriction, packed).in_message(descriptor, 0, contains=True)


class _Condition:
    """One restriction on its way down through the types.

    `index` counts the names of the path that are behind; `contains` says that nothing but messages
    was passed on the way, so that `:` looks inside of a string.
    """

    def __init__(self, restriction: Restriction, packed: PackedReader) -> None:
        self.restriction = restriction
        self.path = restriction.path
        self.comparator = restriction.comparator
        self.value = restriction.value
        self.packed = packed
        self.label = ".".join(self.path)

    def in_message(self, descriptor: Descriptor, index: int, *, contains: bool) -> Predicate:
        """The test of a message that is set."""
        if index == len(self.path):
            if self.value.is_wildcard:
                return _always if self.comparator is not Comparator.NOT_EQUALS else _never
            whole = self.of_whole(descriptor, contains=contains)
            if whole is not None:
                return whole
            if self.comparator is not Comparator.HAS:
                raise Mismatch(
                    f"{self.label} is a message, which equals no value; compare one of its fields, "
                    f"or write {self.label}:* to ask whether it is there.",
                    index=index - 1,
                )
            return self.for_name().in_message(descriptor, index, contains=contains)
        match descriptor.full_name:
            case "google.protobuf.Any":
                return self.in_any(index, contains=contains)
            case "google.protobuf.Struct":
                return self.in_field(descriptor.fields_by_name["fields"], index, contains=contains)
            case "google.protobuf.ListValue":
                return self.in_field(descriptor.fields_by_name["values"], index, contains=contains)
            case "google.protobuf.Value":
                return self.in_value(descriptor, index)
        field = find_field(descriptor, self.path[index])
        if field is None:
            known = [field.name for field in descriptor.fields]
            raise Mismatch(no_field(descriptor.name, self.path[index], known), index=index)
        return self.in_field(field, index + 1, contains=contains)

    def of_whole(self, descriptor: Descriptor, *, contains: bool) -> Predicate | None:
        """The test of a message that has a literal of its own; None if it has none."""
        name = descriptor.full_name
        if name in _WRAPPERS:
            test = self.scalar(descriptor.fields_by_name["value"], contains=contains)
            return lambda message: test(message.value)
        if name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            is_duration = name.endswith("Duration")
            read = literals.as_duration if is_duration else literals.as_timestamp
            nanoseconds = read(self.value.text)
            if nanoseconds is None:
                kind = "a duration such as 3.5s" if is_duration else "an RFC 3339 time"
                raise Mismatch(f"{self.label} is {kind}.")
            compare = ordered_test(self.comparator, nanoseconds)
            return lambda message: compare(message.seconds * literals.NANOS + message.nanos)
        if name == "google.protobuf.Value":
            return self.in_value(descriptor, len(self.path))
        if name == "google.protobuf.ListValue":
            values = descriptor.fields_by_name["values"]
            return self.in_field(values, len(self.path), contains=contains)
        return None

    def in_field(self, field: FieldDescriptor, index: int, *, contains: bool) -> Predicate:
        """The test of the message that a field stands in; that message is set."""
        name = field.name
        at_end = index == len(self.path)
        if is_map(field):
            return self.in_map(field, index)
        if is_repeated(field):
            return self.in_repeated(field, index)
        if field.message_type is not None:
            if at_end and self.value.is_wildcard:
                return self.presence(lambda message: bool(message.HasField(name)))
            inner = self.in_message(field.message_type, index, contains=contains)
            return lambda message: message.HasField(name) and inner(getattr(message, name))
        self.expect_end(index)
        if not field.has_presence:
            if self.value.is_wildcard:
                return self.presence(lambda message: bool(getattr(message, name)))
            test = self.scalar(field, contains=contains)
            return lambda message: test(getattr(message, name))
        if self.value.is_wildcard:
            return self.presence(lambda message: bool(message.HasField(name)))
        test = self.scalar(field, contains=contains)
        if self.comparator is Comparator.NOT_EQUALS:
            return lambda message: not message.HasField(name) or test(getattr(message, name))
        return lambda message: message.HasField(name) and test(getattr(message, name))

    def in_repeated(self, field: FieldDescriptor, index: int) -> Predicate:
        name = field.name
        if index == len(self.path) and self.value.is_wildcard:
            return self.presence(lambda message: len(getattr(message, name)) > 0)
        if self.comparator is not Comparator.HAS:
            raise Mismatch(
                f"{'.'.join(self.path[:index])} is a list, which only : can look into, "
                f"not {self.comparator.value}.",
                index=index - 1,
            )
        if field.message_type is not None:
            test = self.in_message(field.message_type, index, contains=False)
        else:
            self.expect_end(index)
            test = self.scalar(field, contains=False)
        return lambda message: any(test(element) for element in getattr(message, name))

    def in_map(self, field: FieldDescriptor, index: int) -> Predicate:
        name = field.name
        if index == len(self.path):
            if self.value.is_wildcard:
                return self.presence(lambda message: len(getattr(message, name)) > 0)
            if self.comparator is not Comparator.HAS:
                raise Mismatch(
                    f"{self.label} is a map, which equals no value; write {self.label}:key or "
                    f"{self.label}.key {self.comparator.value} value.",
                    index=index - 1,
                )
            return self.for_name().in_map(field, index)
        assert field.message_type is not None
        entry = field.message_type.fields_by_name
        key = map_key(entry["key"], self.path[index])
        if key is None:
            return _never
        if index + 1 == len(self.path) and self.value.is_wildcard:
            return self.presence(lambda message: key in getattr(message, name))
        test: Test
        if entry["value"].message_type is not None:
            test = self.in_message(entry["value"].message_type, index + 1, contains=False)
        else:
            self.expect_end(index + 1)
            test = self.scalar(entry["value"], contains=False)

        def predicate(message: Message) -> bool:
            entries = getattr(message, name)
            # Reading a key that is not there would put it there.
            return key in entries and test(entries[key])

        return predicate

    def in_any(self, index: int, *, contains: bool) -> Predicate:
        """The test of an `Any`, whose type is known only when there is one."""
        if self.path[index] == TYPE_URL:
            self.expect_end(index + 1)
            if self.value.is_wildcard:
                return self.presence(lambda packed: bool(packed.type_url))
            # A whole URL is one type, and not all whose names begin like it.
            part = contains and "/" not in self.value.text
            test = string_test(self.comparator, self.value, contains=part)
            return lambda packed: test(packed.type_url)
        compiled: dict[str, Predicate] = {}

        def predicate(packed: any_pb2.Any) -> bool:
            inner = compiled.get(packed.type_url)
            if inner is None:
                inner = self.in_type(packed.type_url, index, contains=contains)
                compiled[packed.type_url] = inner
            if inner is _never:
                return False
            message = self.packed.open(packed)
            return message is not None and inner(message)

        return predicate

    def in_type(self, type_url: str, index: int, *, contains: bool) -> Predicate:
        """The test of the message in an `Any`: never true where it makes no sense for the type."""
        descriptor = self.packed.descriptor(type_url)
        if descriptor is None:
            return _never
        as_value: Predicate = _never
        if self.path[index] == "value" and descriptor.full_name in _SHOWN_AS_VALUE:
            as_value = self.attempt(
                lambda: self.in_message(descriptor, index + 1, contains=contains)
            )
        if descriptor.full_name == "google.protobuf.Any":
            return as_value
        direct = self.attempt(lambda: self.in_message(descriptor, index, contains=contains))
        if as_value is _never or direct is _never:
            return direct if as_value is _never else as_value
        return lambda message: direct(message) or as_value(message)

    def in_value(self, descriptor: Descriptor, index: int) -> Predicate:
        """The test of a `Value`, whose kind is known only when there is one."""
        struct = descriptor.fields_by_name["struct_value"].message_type
        assert struct is not None
        mapping = self.attempt(lambda: self.in_map(struct.fields_by_name["fields"], index))
        tests: dict[str, Predicate] = {"struct_value": lambda value: mapping(value.struct_value)}
        if index == len(self.path):
            # Another kind than the literal's is neither equal nor in any order to it.
            other = _always if self.comparator is Comparator.NOT_EQUALS else _never
            compare, literal, label = self.comparator, self.value, self.label
            text = string_test(compare, literal, contains=False)
            number = self.attempt(lambda: number_test(compare, literal, label), other)
            boolean = self.attempt(lambda: bool_test(compare, literal, label), other)
            null = string_test(compare, literal, contains=False)("null")
            tests["string_value"] = lambda value: text(value.string_value)
            tests["number_value"] = lambda value: number(value.number_value)
            tests["bool_value"] = lambda value: boolean(value.bool_value)
            tests["null_value"] = lambda _: null

        def of_element(value: Message) -> bool:
            return tests.get(value.WhichOneof("kind") or "", _never)(value)

        if self.comparator is Comparator.HAS:
            tests["list_value"] = lambda value: any(
                element.WhichOneof("kind") != "list_value" and of_element(element)
                for element in value.list_value.values
            )
        return of_element

    def for_name(self) -> "_Condition":
        """`m:name` as what it is short for, `m.name:*`."""
        restriction = replace(self.restriction, path=(*self.path, self.value.text), value=_WILDCARD)
        return _Condition(restriction, self.packed)

    def presence(self, present: Predicate) -> Predicate:
        if self.comparator is Comparator.NOT_EQUALS:
            return lambda message: not present(message)
        return present

    def scalar(self, field: FieldDescriptor, *, contains: bool) -> Test:
        return scalar_test(field, self.comparator, self.value, label=self.label, contains=contains)

    def expect_end(self, index: int) -> None:
        if index < len(self.path):
            raise Mismatch(f"{'.'.join(self.path[:index])} has no fields.", index=index)

    @staticmethod
    def attempt(make: Callable[[], Predicate], otherwise: Predicate | None = None) -> Predicate:
        try:
            return make()
        except Mismatch:
            return otherwise or _never


def _always(_: object) -> bool:
    return True


def _never(_: object) -> bool:
    return False
