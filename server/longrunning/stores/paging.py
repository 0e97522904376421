"""One step of a list, as SQL: what `Query` asks, in the dialect of a database.

A page is a walk down an index over (parent, done, id), or over (caller, parent, id). What
else a query asks is looked at row by row on the way, and a walk that finds little ends at a floor:
the id that lies `Query.scan` rows ahead, which an index finds without reading a row. Values travel
as parameters, never as text.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from longrunning.filters.bounds import Among
from longrunning.stores.contract import Query
from longrunning.stores.rows import COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a database spells what a page needs.

    Attributes:
        table: the table of operations.
        parameter: spells a parameter of a name.
        member: the condition that `{column}` is one of the `{values}` of a parameter.
        array: makes such a parameter.
        prefix: the condition that `{column}` begins with the `{value}` of a parameter.
    """

    table: str
    parameter: Callable[[str], str]
    member: str
    array: Callable[[list[Any]], Any]
    prefix: str


class Statements(NamedTuple):
    """The statements of one step of a list, and the parameters of both.

    Attributes:
        floor: finds the id where the walk has to end, if it can be long.
        page: finds the records; has a parameter `floor` if there is a floor.
        values: what both take, besides that.
    """

    floor: str | None
    page: str
    values: dict[str, Any]


class _Conditions:
    """Conditions with their parameters."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self.values: dict[str, Any] = {}

    def compare(self, column: str, operator: str, name: str, value: object) -> str:
        self.values[name] = value
        return f"{column} {operator} {self._dialect.parameter(name)}"

    def prefix(self, column: str, name: str, value: str) -> str:
        self.values[name] = value
        return self._dialect.prefix.format(column=column, value=self._dialect.parameter(name))

    def member(self, column: str, name: str, listed: Collection[Any]) -> str:
        self.values[name] = self._dialect.array(sorted(listed))
        return self._dialect.member.format(column=column, values=self._dialect.parameter(name))

    def among(self, column: str, values: Among[Any]) -> str:
        """A set in which None, the SQL NULL, can be."""
        member = self.member(column, column, values.values - {None})
        if values.excluded:
            test = "IS NOT NULL AND" if None in values.values else "IS NULL OR"
            return f"({column} {test} NOT {member})"
        return f"({column} IS NULL OR {member})" if None in values.values else member


def statements(query: Query, dialect: Dialect) -> Statements:
    """Returns what to send for one step of a list; `query.bounds.nothing` is not for a database."""
    bounds = query.bounds
    conditions = _Conditions(dialect)
    walk: list[str] = []
    residual: list[str] = []
    if query.before:
        walk.append(conditions.compare("id", "<", "before", query.before))
    if query.parent is not None:
        walk.append(conditions.compare("parent", "=", "parent", query.parent))
    # No index goes down the ids of a caller, or of a service, whatever the parent; and that of a
    # caller leaves out what the service itself has started.
    by_caller = query.parent is not None and bool(query.caller)
    if query.caller is not None:
        test = conditions.compare("caller", "=", "caller", query.caller)
        _append(
            f"{test} AND caller <> ''" if by_caller else test, walk, residual, indexed=by_caller
        )
    if (done := _done(query)) is not None:
        test = conditions.compare("done", "=", "done", done)
        _append(test, walk, residual, indexed=not by_caller)
    if query.service is not None:
        test = conditions.compare("service", "=", "service", query.service)
        _append(test, walk, residual, indexed=query.parent is not None and not by_caller)
    if query.parent_prefix:
        residual.append(conditions.prefix("parent", "parent_prefix", query.parent_prefix))
    if bounds.name_prefix:
        residual.append(conditions.prefix("name", "name_prefix", bounds.name_prefix))
    for column, values in (
        ("error_code", bounds.error_codes),
        ("metadata_type", bounds.metadata_types),
        ("response_type", bounds.response_types),
    ):
        if not values.is_everything:
            residual.append(conditions.among(column, values))

    source, floor = dialect.table, None
    columns = ", ".join(COLUMNS)
    if not bounds.names.is_everything:
        member = conditions.member("name", "names", bounds.names.values)
        if bounds.names.excluded:
            residual.append(f"NOT {member}")
        else:
            # Few rows, and by another index: the planner must not walk down the ids for them.
            source = f"(WITH named AS MATERIALIZED (SELECT * FROM {dialect.table} WHERE {member}) "  # noqa: S608 - our own words
            source += "SELECT * FROM named) AS named"
    if residual and source == dialect.table:
        conditions.values["scan"] = query.scan
        floor = (
            f"SELECT id FROM {dialect.table}{_where(walk)} "  # noqa: S608 - our own words
            f"ORDER BY id DESC LIMIT 1 OFFSET {dialect.parameter('scan')} - 1"
        )
        residual.append(f"id >= {dialect.parameter('floor')}")
    conditions.values["limit"] = query.limit
    page = (
        f"SELECT {columns} FROM {source}{_where(walk + residual)} "  # noqa: S608 - our own words
        f"ORDER BY id DESC LIMIT {dialect.parameter('limit')}"
    )
    return Statements(floor=floor, page=page, values=conditions.values)


def _append(test: str, walk: list[str], residual: list[str], *, indexed: bool) -> None:
    """Adds a condition; one that the walk's index does not have must not lure into another one."""
    if indexed:
        walk.append(test)
    else:
        residual.append(f"({test}) IS TRUE")


def _done(query: Query) -> bool | None:
    """Whether only finished operations can match: an outcome says as much as `done` does."""
    bounds = query.bounds
    if bounds.done is None and (
        None not in bounds.error_codes or None not in bounds.response_types
    ):
        return True
    return bounds.done


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
