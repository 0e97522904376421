"""What a filter says of an operation's few fields that a store keeps beside its bytes.

A store never sees a filter's text. It gets these bounds: values for its own query, each of them
necessary, so that the rows within the bounds include all rows that the filter selects. What they
hold besides is for `Filter.matches` to say, unless the bounds are exact.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, fields, replace
from itertools import takewhile
from typing import Generic, TypeVar

from google.longrunning import operations_pb2

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

    def __repr__(self) -> str:
        values = ", ".join(sorted(map(repr, self.values)))
        return f"all_but({values})" if self.excluded else f"only({values})"

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

    def __repr__(self) -> str:
        """Only what is demanded, since most filters demand little."""
        default = Bounds()
        demanded = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if getattr(self, each.name) != getattr(default, each.name)
        )
        return f"Bounds({', '.join(demanded)})"

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
