"""The tree that a filter is parsed into, and its canonical spelling.

Two filters that differ in spacing, parentheses or spelling of a field are equal trees; where in the
text something stood is kept for error messages and takes no part in the comparison.

Spec: AIP-160
"""

import re
from dataclasses import dataclass, field
from enum import Enum

KEYWORDS = frozenset({"AND", "OR", "NOT"})

_BARE_SEGMENT = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_@/-]*")
_BARE_VALUE = re.compile(r"-?[A-Za-z0-9_@/][A-Za-z0-9_@/.-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "*": "\\*", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Comparator(Enum):
    """What stands between a field and its value."""

    EQUALS = "="
    NOT_EQUALS = "!="
    LESS_THAN = "<"
    LESS_EQUALS = "<="
    GREATER_THAN = ">"
    GREATER_EQUALS = ">="
    HAS = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A literal, with its wildcards told apart from its stars.

    Attributes:
        pieces: the text, split at each wildcard; one piece means that there is none.
        column: where it began, from 1.
    """

    pieces: tuple[str, ...]
    column: int = field(default=1, compare=False)

    @property
    def text(self) -> str:
        """The literal as it reads where wildcards mean nothing."""
        return "*".join(self.pieces)

    @property
    def is_wildcard(self) -> bool:
        """Whether it is `*` alone, which asks whether there is anything at all."""
        return self.pieces == ("", "")

    def __str__(self) -> str:
        """The literal as a filter spells it: bare where that is safe, else quoted."""
        if self.is_wildcard:
            return "*"
        if len(self.pieces) == 1 and _is_bare(_BARE_VALUE, self.pieces[0]):
            return self.pieces[0]
        return _quoted(*self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """What a filter asks of one field.

    Attributes:
        path: the names of the field and of what it stands in, outermost first.
        comparator: how the field and the value are compared.
        value: what the field is compared with.
        columns: where each name of the path, the comparator and the value began, from 1.
    """

    path: tuple[str, ...]
    comparator: Comparator
    value: Value
    columns: tuple[int, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        space = "" if self.comparator is Comparator.HAS else " "
        path = ".".join(_segment(name) for name in self.path)
        return f"{path}{space}{self.comparator.value}{space}{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A value without a field, looked for in the whole operation."""

    value: Value

    def __str__(self) -> str:
        return _quoted(*self.value.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """True if its operand is not."""

    operand: "Expression"

    def __str__(self) -> str:
        # `NOT NOT a` is no filter, hence the parentheses.
        operand = self.operand
        return f"NOT ({operand})" if isinstance(operand, Not) else f"NOT {_operand(operand)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """True if all of its operands are; without any, it is the filter that matches everything."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " AND ".join(_operand(operand) for operand in self.operands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """True if one of its operands is."""

    operands: tuple["Expression", ...]

    def __str__(self) -> str:
        return " OR ".join(_operand(operand) for operand in self.operands)


Expression = Restriction | Search | Not | And | Or

EVERYTHING = And(operands=())


def conjunction(*operands: Expression) -> Expression:
    """Returns the AND of `operands`, flat and without ceremony for a single one."""
    flat = [
        inner
        for operand in operands
        for inner in (operand.operands if isinstance(operand, And) else (operand,))
    ]
    return flat[0] if len(flat) == 1 else And(operands=tuple(flat))


def disjunction(*operands: Expression) -> Expression:
    """Returns the OR of `operands`, flat and without ceremony for a single one."""
    flat = [
        inner
        for operand in operands
        for inner in (operand.operands if isinstance(operand, Or) else (operand,))
    ]
    return flat[0] if len(flat) == 1 else Or(operands=tuple(flat))


def _operand(expression: Expression) -> str:
    return f"({expression})" if isinstance(expression, And | Or) else str(expression)


def _segment(name: str) -> str:
    return name if _is_bare(_BARE_SEGMENT, name) else _quoted(name)


def _is_bare(pattern: re.Pattern[str], text: str) -> bool:
    return pattern.fullmatch(text) is not None and text not in KEYWORDS


def _quoted(*pieces: str) -> str:
    spelled = ("".join(_ESCAPES.get(c, c) for c in piece) for piece in pieces)
    return '"' + "*".join(spelled) + '"'
