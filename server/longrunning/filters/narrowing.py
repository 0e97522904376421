"""What a filter demands of each field that stores keep: the way from its tree to its bounds.

NOT is carried down to the single restrictions, where it is a complement; AND is then an
intersection, and OR the narrowest bounds around what it joins.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import reduce

from longrunning.filters import literals
from longrunning.filters.bounds import NOTHING, Among, Bounds, T, all_but, only
from longrunning.filters.syntax import (
    And,
    Comparator,
    Expression,
    Not,
    Or,
    Restriction,
    Search,
    Value,
)

_UNKNOWN = Bounds(exact=False)


def bounds_of(expression: Expression) -> Bounds:
    """Returns what `expression`, with its aliases spelled out, demands of a store's rows."""
    return _bounds(expression, wanted=True)


def _bounds(expression: Expression, *, wanted: bool) -> Bounds:
    """The bounds of `expression` being true, or of its being false."""
    match expression:
        case Not(operand=operand):
            return _bounds(operand, wanted=not wanted)
        case And(operands=operands) | Or(operands=operands):
            each = [_bounds(operand, wanted=wanted) for operand in operands]
            if isinstance(expression, And) is wanted:
                return reduce(lambda one, other: one & other, each, Bounds())
            return reduce(lambda one, other: one | other, each, NOTHING)
        case Search():
            return _UNKNOWN
        case Restriction():
            return _of_restriction(expression, wanted=wanted)


def _of_restriction(restriction: Restriction, *, wanted: bool) -> Bounds:
    comparator, value = restriction.comparator, restriction.value
    match restriction.path:
        case ("done",):
            asked = value.is_wildcard or value.text == "true"
            return Bounds(done=(asked is not (comparator is Comparator.NOT_EQUALS)) is wanted)
        case ("name",):
            return _of_name(comparator, value, wanted=wanted)
        case ("error", *rest):
            codes, exact = _of_error(tuple(rest), comparator, value)
            return _of_set(codes, exact, wanted, lambda codes: Bounds(error_codes=codes))
        case ("metadata", *rest):
            types, exact = _of_any(tuple(rest), comparator, value)
            return _of_set(types, exact, wanted, lambda types: Bounds(metadata_types=types))
        case ("response", *rest):
            types, exact = _of_any(tuple(rest), comparator, value)
            return _of_set(types, exact, wanted, lambda types: Bounds(response_types=types))
    return _UNKNOWN


def _of_set(
    values: Among[T], exact: bool, wanted: bool, make: Callable[[Among[T]], Bounds]
) -> Bounds:
    if wanted:
        return NOTHING if values.is_nothing else replace(make(values), exact=exact)
    return make(~values) if exact else _UNKNOWN


def _of_name(comparator: Comparator, value: Value, *, wanted: bool) -> Bounds:
    if value.is_wildcard:
        unset = comparator is Comparator.NOT_EQUALS
        return Bounds(names=only("") if unset is wanted else all_but(""))
    if comparator is Comparator.NOT_EQUALS:
        return _of_name(Comparator.EQUALS, value, wanted=not wanted)
    if len(value.pieces) > 1 and comparator in (Comparator.EQUALS, Comparator.HAS):
        prefix, *rest = value.pieces
        return Bounds(name_prefix=prefix, exact=rest == [""]) if wanted else _UNKNOWN
    if comparator is Comparator.EQUALS:
        return Bounds(names=only(value.text) if wanted else all_but(value.text))
    return _UNKNOWN


def _of_error(
    path: tuple[str, ...], comparator: Comparator, value: Value
) -> tuple[Among[int | None], bool]:
    """The codes that the error must have, and whether that is all that is asked."""
    if path == () and value.is_wildcard:
        return _presence(comparator)
    if path == ("code",):
        if value.is_wildcard:
            zero = comparator is Comparator.NOT_EQUALS
            return (_listed(0) if zero else ~_listed(None, 0)), True
        number = literals.as_status_code(value.text)
        equal: Among[int | None] = only()
        # No other is in a field of 32 bits, nor can a store compare with it.
        if number is not None and -(2**31) <= number < 2**31 and number % 1 == 0:
            equal = only(int(number))
        if comparator in (Comparator.EQUALS, Comparator.HAS):
            return equal, True
        if comparator is Comparator.NOT_EQUALS:
            return ~equal & all_but(None), True
    return all_but(None), False


def _of_any(
    path: tuple[str, ...], comparator: Comparator, value: Value
) -> tuple[Among[str | None], bool]:
    """The types that what is packed must have, and whether that is all that is asked."""
    if path == () and value.is_wildcard:
        return _presence(comparator)
    if path == ("@type",):
        if value.is_wildcard:
            return (only("") if comparator is Comparator.NOT_EQUALS else all_but(None, "")), True
        if len(value.pieces) == 1:
            if comparator is Comparator.NOT_EQUALS:
                return all_but(value.text, None), True
            is_url = comparator is Comparator.HAS and "/" in value.text
            if is_url or comparator is Comparator.EQUALS:
                return only(value.text), True
    return all_but(None), False


def _listed(*codes: int | None) -> Among[int | None]:
    return only(*codes)


def _presence(comparator: Comparator) -> tuple[Among[T | None], bool]:
    return (only(None) if comparator is Comparator.NOT_EQUALS else all_but(None)), True
