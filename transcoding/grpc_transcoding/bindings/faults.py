"""What is wrong with a service's HTTP rules, named so that its author finds the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mistake in the rules of a service.

    Attributes:
        source: The file (or `annotations of x.proto`, or `code`) that holds the rule.
        selector: The method that the rule is for, or an empty string.
        problem: What is wrong, and what would be right.
        column: Where it is in the template or the field path, from 1, if it is inside one.
    """

    source: str
    selector: str
    problem: str
    column: int | None = None

    def __str__(self) -> str:
        """Returns the fault on one line: source, selector, column, problem."""
        place = f"{self.source}: {self.selector}" if self.selector else self.source
        if self.column is not None:
            place += f", column {self.column}"
        return f"{place}: {self.problem}"


class ServiceConfigError(ValueError):
    """Rules that a strict transcoder refuses.

    Attributes:
        faults: Every mistake that was found, not only the first.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        count = f"{len(faults)} faults" if len(faults) > 1 else "1 fault"
        super().__init__(
            "\n  ".join(
                [f"{count} in the HTTP rules (strict=False skips them):", *map(str, faults)]
            )
        )
        self.faults = tuple(faults)
