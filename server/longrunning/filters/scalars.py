"""The test that a literal makes of one scalar field, by the type of the field.

Spec: AIP-160, "Comparison operators"
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from longrunning.filters import literals
from longrunning.filters.cursor import shown
from longrunning.filters.syntax import Comparator, Value

Test = Callable[[Any], bool]

_ORDERS: dict[Comparator, Callable[[Any, Any], bool]] = {
    Comparator.LESS_THAN: operator.lt,
    Comparator.LESS_EQUALS: operator.le,
    Comparator.GREATER_THAN: operator.gt,
    Comparator.GREATER_EQUALS: operator.ge,
}


class Mismatch(Exception):
    """What a restriction asks makes no sense for the type of a field.

    Attributes:
        message: what is wrong and what would be right, as a client may read it.
        index: what of the restriction is wrong: a name of the path, by its index, or the
            comparator or the value, by `COMPARATOR` or `VALUE`.
    """

    COMPARATOR = -2
    VALUE = -1

    def __init__(self, message: str, *, index: int = VALUE) -> None:
        super().__init__(message)
        self.message = message
        self.index = index


def scalar_test(
    field: FieldDescriptor, comparator: Comparator, value: Value, *, label: str, contains: bool
) -> Test:
    """Returns the test of a field's value.

    Args:
        field: the field, which holds no message.
        comparator: how its value is compared.
        value: what it is compared with.
        label: the field as error messages call it.
        contains: whether `:` looks inside of a string, rather than for the whole of it.

    Raises:
        Mismatch: `value` is no value of the field's type, or the type has no such comparison.
    """
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _bytes_test(comparator, value, label)
        test = string_test(comparator, value, contains=contains)
        # A proto2 string may hold bytes that are no text; those match nothing.
        return lambda actual: isinstance(actual, str) and test(actual)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return bool_test(comparator, value, label)
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return _enum_test(field.enum_type, comparator, value, label)
    if field.full_name == "google.rpc.Status.code":
        return _status_code_test(comparator, value, label)
    number = _number(value, label)
    single = kind == FieldDescriptor.CPPTYPE_FLOAT
    return ordered_test(comparator, literals.as_single(number) if single else number)


def string_test(comparator: Comparator, value: Value, *, contains: bool) -> Test:
    """Returns the test of a string; wildcards count where it is compared for equality."""
    if comparator in _ORDERS:
        return ordered_test(comparator, value.text)
    if comparator is Comparator.HAS and contains:
        return literals.contains_pattern(value.pieces)
    equals = literals.equals_pattern(value.pieces)
    if comparator is Comparator.NOT_EQUALS:
        return lambda text: not equals(text)
    return equals


def bool_test(comparator: Comparator, value: Value, label: str) -> Test:
    """Returns the test of a boolean, which has no order."""
    refuse_order(comparator, f"{label} is true or false")
    wanted = literals.as_bool(value.text)
    if wanted is None:
        raise Mismatch(f"{label} is true or false, and never {shown(value.text)}.")
    return ordered_test(comparator, wanted)


def number_test(comparator: Comparator, value: Value, label: str) -> Test:
    """Returns the test of a double."""
    return ordered_test(comparator, _number(value, label))


def ordered_test(comparator: Comparator, wanted: float | bool | str | bytes) -> Test:
    """Returns the test of a value that compares with `wanted` as Python compares them.

    NaN equals NaN, since nothing else would find it, and is neither above nor below anything.
    """
    if order := _ORDERS.get(comparator):
        return lambda actual: order(actual, wanted)
    if isinstance(wanted, float) and math.isnan(wanted):
        if comparator is Comparator.NOT_EQUALS:
            return lambda actual: not math.isnan(actual)
        return math.isnan
    if comparator is Comparator.NOT_EQUALS:
        return lambda actual: bool(actual != wanted)
    return lambda actual: bool(actual == wanted)


def refuse_order(comparator: Comparator, because: str) -> None:
    """Raises Mismatch if `comparator` asks for an order that there is not."""
    if comparator in _ORDERS:
        raise Mismatch(
            f"{because}, so {comparator.value} cannot compare it; use = or !=.",
            index=Mismatch.COMPARATOR,
        )


def _number(value: Value, label: str) -> int | float:
    number = literals.as_number(value.text)
    if number is None:
        raise Mismatch(f"{label} is a number, and never {shown(value.text)}.")
    return number


def _status_code_test(comparator: Comparator, value: Value, label: str) -> Test:
    # An int32 by its type, and by its comment a google.rpc.Code: clients know the names.
    code = literals.as_status_code(value.text)
    if code is None:
        raise Mismatch(
            f"{label} is a number or the name of a google.rpc.Code, and never {shown(value.text)}."
        )
    return ordered_test(comparator, code)


def _bytes_test(comparator: Comparator, value: Value, label: str) -> Test:
    refuse_order(comparator, f"{label} holds bytes")
    wanted = literals.as_bytes(value.text)
    if wanted is None:
        raise Mismatch(f"{label} holds bytes, and {shown(value.text)} is not base64.")
    return ordered_test(comparator, wanted)


def _enum_test(
    enum: EnumDescriptor | None, comparator: Comparator, value: Value, label: str
) -> Test:
    assert enum is not None
    refuse_order(comparator, f"{label} is an enum")
    named = enum.values_by_name.get(value.text)
    if named is not None:
        return ordered_test(comparator, named.number)
    number = literals.as_number(value.text)
    if number is None:
        raise Mismatch(f"{enum.full_name} has no value {shown(value.text)}.")
    return ordered_test(comparator, number)
