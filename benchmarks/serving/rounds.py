"""Rounds: everything that is compared in turn, A B A B, so that a busy moment hits all of it."""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Values = list[float]
"""One figure, a value for each round."""

Case = Callable[[], Mapping[str, float]]
"""Measures something once: figures by the keys of a table's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: what it holds, with its unit.
        form: how a number is written, such as `,.0f`.
    """

    title: str
    form: str = ",.0f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a part has measured.

    Attributes:
        title: what it is.
        columns: what is said of each row, by the keys that JSON has.
        rows: the values of each row by the same keys; a row may lack some.
    """

    title: str
    columns: Mapping[str, Column]
    rows: dict[str, dict[str, Values]] = field(default_factory=dict)

    def add(self, row: str, measured: Mapping[str, float]) -> None:
        """Adds the values of one round."""
        of_row = self.rows.setdefault(row, {})
        for key, value in measured.items():
            of_row.setdefault(key, []).append(value)


def in_turn(table: Table, cases: Mapping[str, Case], rounds: int) -> None:
    """Measures each case in each round, and adds it to a table."""
    for number in range(rounds):
        for row, measure in cases.items():
            begun = time.perf_counter()
            measured = measure()
            table.add(row, measured)
            first, value = next(iter(measured.items()))
            form = table.columns[first].form
            print(
                f"  {number + 1}/{rounds} {row}: {value:{form}} {table.columns[first].title}"
                f" ({time.perf_counter() - begun:.1f} s)",
                file=sys.stderr,
            )


def ratios(upper: Values, lower: Values) -> Values:
    """Returns the ratios round by round."""
    return [above / below for above, below in zip(upper, lower, strict=True)]


def shown(values: Sequence[float], form: str) -> str:
    """Returns a median with its spread."""
    middle = f"{statistics.median(values):{form}}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):{form}} to {max(values):{form}})"
