"""The short names of fields that a service declares.

An alias is one name that stands for a path in Operation: with `labels` for `metadata.labels`, a
client writes `labels.color = red`. Operation's own fields cannot be hidden by one.

Spec: ours; AIP-160 calls these implicit fields, and real services have them.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from google.longrunning import operations_pb2

from longrunning.filters.cursor import Cursor, invalid
from longrunning.filters.fields import no_field
from longrunning.filters.syntax import And, Expression, Not, Or, Restriction

_FIELDS = tuple(field.name for field in operations_pb2.Operation.DESCRIPTOR.fields)


def expand(expression: Expression, aliases: Mapping[str, str]) -> Expression:
    """Returns `expression` with every alias spelled out and every first name known.

    Args:
        expression: a filter as it was parsed.
        aliases: short names, each with the path in Operation that it stands for.

    Raises:
        InvalidArgument: a path begins with no field of Operation and with no alias.
        ValueError: an alias is used that is no path in Operation.
    """
    match expression:
        case And(operands=operands):
            return And(operands=tuple(expand(operand, aliases) for operand in operands))
        case Or(operands=operands):
            return Or(operands=tuple(expand(operand, aliases) for operand in operands))
        case Not(operand=operand):
            return Not(operand=expand(operand, aliases))
        case Restriction(path=path) if path[0] not in _FIELDS:
            return _spelled_out(expression, aliases)
    return expression


def check_aliases(aliases: Mapping[str, str]) -> None:
    """Checks the aliases of a service, best where they are declared.

    Args:
        aliases: short names, each with the path in Operation that it stands for.

    Raises:
        ValueError: one of them is no path in Operation, or hides one of its fields.
    """
    for alias, target in aliases.items():
        if alias in _FIELDS:
            raise ValueError(f"The alias {alias!r} would hide a field of Operation.")
        written = Cursor(alias)
        if not alias or written.keyword() or written.word() != alias:
            raise ValueError(f"The alias {alias!r} is not one bare word.")
        _target(alias, target)


def _spelled_out(restriction: Restriction, aliases: Mapping[str, str]) -> Restriction:
    first, *rest = restriction.path
    column = restriction.columns[0]
    alias = first if first in aliases else _in_other_case(first, aliases)
    if alias is None:
        known = (*_FIELDS, *aliases)
        raise invalid(no_field("an operation", first, known), column=column)
    path = _target(alias, aliases[alias])
    return replace(
        restriction,
        path=(*path, *rest),
        columns=(*(column for _ in path), *restriction.columns[1:]),
    )


def _in_other_case(name: str, aliases: Mapping[str, str]) -> str | None:
    """The alias that is `name` in camelCase or in snake_case."""
    return next((alias for alias in aliases if _snake_case(alias) == _snake_case(name)), None)


def _snake_case(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[0].lower()}", name)


def _target(alias: str, target: str) -> tuple[str, ...]:
    path = tuple(target.split("."))
    if path[0] not in _FIELDS or not all(path):
        raise ValueError(
            f"The alias {alias!r} stands for {target!r}, which is no path in Operation; "
            f"a path begins with one of {', '.join(_FIELDS)}."
        )
    return path
