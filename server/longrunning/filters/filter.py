"""A filter: parsed once, then asked of one operation after another.

Spec: AIP-160, AIP-132
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from google.longrunning import operations_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from longrunning.filters.aliases import expand
from longrunning.filters.bounds import Bounds
from longrunning.filters.conditions import compile_restriction
from longrunning.filters.cursor import invalid
from longrunning.filters.grammar import parse_expression
from longrunning.filters.narrowing import bounds_of
from longrunning.filters.packed import PackedReader
from longrunning.filters.scalars import Mismatch
from longrunning.filters.searching import compile_search
from longrunning.filters.syntax import And, Expression, Not, Or, Restriction, Search

Predicate = Callable[[Message], bool]

_NO_ALIASES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which operations a client wants to see. Made by `parse`.

    Filters are equal if they ask the same, however they were written. `str` gives the canonical
    text, in which aliases are spelled out; parsing that gives an equal filter.

    Attributes:
        expression: what was asked, as a tree.

    Spec: AIP-160
    """

    expression: Expression
    _predicate: Predicate = field(compare=False, repr=False)

    def matches(self, operation: operations_pb2.Operation) -> bool:
        """Returns whether the filter selects `operation`. It raises nothing."""
        return self._predicate(operation)

    def bounds(self) -> Bounds:
        """Returns what a store can ask of its rows before `matches` is asked of what they hold."""
        return bounds_of(self.expression)

    def __str__(self) -> str:
        return str(self.expression)


def parse(
    text: str, *, aliases: Mapping[str, str] = _NO_ALIASES, pool: DescriptorPool | None = None
) -> Filter:
    """Parses the `filter` of a ListOperationsRequest.

    Args:
        text: the filter; empty or only spaces select every operation.
        aliases: short names of fields, each with the path in Operation that it stands for, as in
            `{"labels": "metadata.labels"}`.
        pool: knows the types that metadata, responses and details of errors are packed from; None
            for the default pool, which knows every generated module that was imported.

    Raises:
        InvalidArgument: the filter has bad syntax, a field that no operation can have or a value
            that its field cannot have; the message and the metadata name the column.
        ValueError: an alias that the filter uses is no path in Operation.

    Spec: AIP-160
    """
    packed = PackedReader(pool or descriptor_pool.Default())
    expression = expand(parse_expression(text), aliases)
    return Filter(expression=expression, _predicate=_compile(expression, packed))


def _compile(expression: Expression, packed: PackedReader) -> Predicate:
    match expression:
        case And(operands=operands):
            every = [_compile(operand, packed) for operand in operands]
            return lambda operation: all(predicate(operation) for predicate in every)
        case Or(operands=operands):
            some = [_compile(operand, packed) for operand in operands]
            return lambda operation: any(predicate(operation) for predicate in some)
        case Not(operand=operand):
            predicate = _compile(operand, packed)
            return lambda operation: not predicate(operation)
        case Search(value=value):
            return compile_search(value, packed)
        case Restriction():
            return _compile_restriction(expression, packed)


def _compile_restriction(restriction: Restriction, packed: PackedReader) -> Predicate:
    try:
        return compile_restriction(restriction, operations_pb2.Operation.DESCRIPTOR, packed)
    except Mismatch as mismatch:
        # `m:name` is read as `m.name:*`, so the value can be wrong as the name behind the path.
        index = mismatch.index if mismatch.index < len(restriction.path) else Mismatch.VALUE
        raise invalid(mismatch.message, column=restriction.columns[index]) from None
