"""What a filter says of an operation's few fields that a store keeps beside its bytes.

A store never sees a filter's text. It gets these bounds: values for its own query, each of them
necessary, so that the rows within the bounds include all rows that the filter selects. What they
hold besides is for `Filter.matches` to say, unless the bounds are exact.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import takewhile
from typing import Generic, TypeVar

from google.longrunning import operations_pb2

from longrunning.filters import literals
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

T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Among(Generic[T]):
    """A set of values: those listed or, if `excluded`, all but those listed.

    Attributes:
        values: what is listed. None, where it can occur, stands for a field that is not set.
        excluded: whether the set is everything else.
    """

    values: frozenset[T] = frozenset()
    excluded: bool = True

    def __contains__(self, value: T) -> bool:
        return (value in self.values) is not self.excluded

    def __invert__(self) -> "Among[T]":
        return Among(self.values, not self.excluded)

    def __and__(self, other: "Among[T]") -> "Among[T]":
        if self.excluded and other.excluded:
            return Among(self.values | other.values)
        listed, rest = (other, self) if self.excluded else (self, other)
        return Among(frozenset(v for v in listed.values if v in rest), excluded=False)

    def __or__(self, other: "Among[T]") -> "Among[T]":
        return ~(~self & ~other)

    @property
    def is_everything(self) -> bool:
        """Whether it excludes nothing, so that a query can leave it out."""
        return self.excluded and not self.values

    @property
    def is_nothing(self) -> bool:
        """Whether no value is in it."""
        return not self.excluded and not self.values


def only(*values: T) -> Among[T]:
    """Returns the set of `values`."""
    return Among(frozenset(values), excluded=False)


def all_but(*values: T) -> Among[T]:
    """Returns the set of everything but `values`."""
    return Among(frozenset(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Necessary conditions of a filter, each on one field, all of which must hold.

    Attributes:
        nothing: no operation at all can match, and the rest says nothing.
        exact: an operation within the bounds matches, whatever else it holds.
        done: what `done` must be; None for either.
        names: the names among which `name` must be.
        name_prefix: what `name` must begin with.
        error_codes: the codes among which `error.code` must be; None stands for no error.
        metadata_types: the type URLs among which that of `metadata` must be; None stands for no
            metadata.
        response_types: the same of `response`.
    """

    nothing: bool = False
    exact: bool = True
    done: bool | None = None
    names: Among[str] = field(default_factory=Among)
    name_prefix: str = ""
    error_codes: Among[int | None] = field(default_factory=Among)
    metadata_types: Among[str | None] = field(default_factory=Among)
    response_types: Among[str | None] = field(default_factory=Among)

    def admits(self, operation: operations_pb2.Operation) -> bool:
        """Returns whether `operation` is within the bounds, for stores that have no query."""

        def type_url(name: str) -> str | None:
            return getattr(operation, name).type_url if operation.HasField(name) else None

        return (
            not self.nothing
            and self.done in (None, operation.done)
            and operation.name in self.names
            and operation.name.startswith(self.name_prefix)
            and (operation.error.code if operation.HasField("error") else None) in self.error_codes
            and type_url("metadata") in self.metadata_types
            and type_url("response") in self.response_types
        )

    def __and__(self, other: "Bounds") -> "Bounds":
        """Both of them."""
        prefixes = sorted((self.name_prefix, other.name_prefix), key=len)
        prefix = prefixes[1]
        names = self.names & other.names
        if not names.excluded:
            names = only(*(name for name in names.values if name.startswith(prefix)))
            prefix = ""
        done = other.done if self.done is None else self.done
        both = Bounds(
            exact=self.exact and other.exact,
            done=done,
            names=names,
            name_prefix=prefix,
            error_codes=self.error_codes & other.error_codes,
            metadata_types=self.metadata_types & other.metadata_types,
            response_types=self.response_types & other.response_types,
        )
        contradictory = (
            self.nothing
            or other.nothing
            or other.done not in (None, done)
            or not prefixes[1].startswith(prefixes[0])
            or both.names.is_nothing
            or both.error_codes.is_nothing
            or both.metadata_types.is_nothing
            or both.response_types.is_nothing
        )
        return NOTHING if contradictory else both

    def __or__(self, other: "Bounds") -> "Bounds":
        """The narrowest bounds around both, exact if no more than both."""
        if self.nothing or other.nothing:
            return other if self.nothing else self
        prefix = _common_prefix(self.name_prefix, other.name_prefix)
        around = Bounds(
            done=self.done if self.done == other.done else None,
            names=self.names | other.names,
            name_prefix=prefix,
            error_codes=self.error_codes | other.error_codes,
            metadata_types=self.metadata_types | other.metadata_types,
            response_types=self.response_types | other.response_types,
        )
        # Around two boxes that differ in one direction there is nothing but them; two prefixes are
        # an exception, unless one continues the other.
        mine, others = self._fields(), other._fields()
        differing = sum(one != another for one, another in zip(mine, others, strict=True))
        exact = (
            self.exact
            and other.exact
            and differing <= 1
            and prefix in (self.name_prefix, other.name_prefix)
        )
        return replace(around, exact=exact)

    def _fields(self) -> tuple[Hashable, ...]:
        return (
            self.done,
            self.names,
            self.name_prefix,
            self.error_codes,
            self.metadata_types,
            self.response_types,
        )


def _common_prefix(one: str, another: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, another, strict=False))
    return "".join(character for character, _ in same)


NOTHING = Bounds(nothing=True)
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
        if number is not None and number % 1 == 0:
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
        if len(value.pieces) == 1 and comparator is Comparator.EQUALS:
            return only(value.text), True
        if len(value.pieces) == 1 and comparator is Comparator.NOT_EQUALS:
            return all_but(value.text, None), True
    return all_but(None), False


def _listed(*codes: int | None) -> Among[int | None]:
    return only(*codes)


def _presence(comparator: Comparator) -> tuple[Among[T | None], bool]:
    return (only(None) if comparator is Comparator.NOT_EQUALS else all_but(None)), True
