"""What is to be reached, and whether it is: ratios round by round, of one run."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.serving.get import BARE, ENVOY, UVICORN
from benchmarks.serving.loading import RATE
from benchmarks.serving.pairs import PER_CPU
from benchmarks.serving.rounds import Table, Values, ratios
from benchmarks.serving.starting import MIB

Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of what is to be reached.

    Attributes:
        what: is measured.
        values: finds it in what was measured, a value for each round; raises KeyError if it was
            not measured.
        bar: what it has to reach.
        then: what it should reach after that, None if nothing is asked for.
        at_most: whether less is better.
        form: how a number is written.
        unit: what stands behind it.
    """

    what: str
    values: Callable[[Tables], Values]
    bar: float
    then: float | None
    at_most: bool = False
    form: str = ".2f"
    unit: str = "x"

    def met_by(self, value: float, bar: float | None) -> str:
        """Says whether a bar is met, "" if there is none."""
        if bar is None:
            return ""
        met = value <= bar if self.at_most else value >= bar
        sign = "<=" if self.at_most else ">="
        return f"{sign} {bar:{self.form}}{self.unit}: {'met' if met else 'NOT met'}"

    def value(self, tables: Tables) -> float:
        """Returns the median of what was measured."""
        return statistics.median(self.values(tables))


def _ratio(table: str, above: str, below: str, key: str = RATE) -> Callable[[Tables], Values]:
    def values(tables: Tables) -> Values:
        rows = tables[table].rows
        return ratios(rows[above][key], rows[below][key])

    return values


def _plain(table: str, row: str, key: str) -> Callable[[Tables], Values]:
    return lambda tables: tables[table].rows[row][key]


_OURS = "SQLite, finished"
_OURS_ON_GRANIAN = "SQLite, finished, granian alone"
_WAITERS = "gRPC waiters on one process, SQLite"

BARS = (
    Bar(
        what="gRPC Get, SQLite, beside bare grpc.aio returning a constant",
        values=_ratio("grpc", _OURS, BARE), bar=0.85, then=0.95,
    ),
    Bar(
        what="REST Get, SQLite, uvicorn, beside Envoy's transcoder before the bare handler",
        values=_ratio("rest", _OURS, ENVOY), bar=4, then=5.5,
    ),
    Bar(
        what="the same under granian",
        values=_ratio("rest", _OURS_ON_GRANIAN, ENVOY), bar=5.5, then=7.5,
    ),
    Bar(
        what="REST Get beside uvicorn with constant bytes",
        values=_ratio("rest", _OURS, UVICORN), bar=0.5, then=0.75,
    ),
    *(
        Bar(
            what=f"requests per CPU second, two server processes beside one, SQLite, {door}",
            values=_ratio("pairs", f"SQLite, {door}, two", f"SQLite, {door}, one", PER_CPU),
            bar=0.9, then=0.97,
        )
        for door in ("gRPC", "REST")
    ),
    Bar(
        what=f"{_WAITERS}: memory of each",
        values=_plain("waiters", "SQLite", "kib"),
        bar=26, then=23, at_most=True, form=".1f", unit=" KiB",
    ),
    Bar(
        what=f"{_WAITERS}: from the change to the last of 1,000",
        values=_plain("waiters", "SQLite", "last_ms"),
        bar=250, then=100, at_most=True, form=".0f", unit=" ms",
    ),
    Bar(
        what=f"{_WAITERS}: failed",
        values=_plain("waiters", "SQLite", "failed"),
        bar=0, then=None, at_most=True, form=".0f", unit="",
    ),
    Bar(
        what="exec to serving",
        values=_plain("starting", "lro serve, SQLite", "seconds"),
        bar=0.6, then=0.25, at_most=True, unit=" s",
    ),
    Bar(
        what="idle memory",
        values=_plain("starting", "lro serve, SQLite", MIB),
        bar=90, then=60, at_most=True, form=".0f", unit=" MB",
    ),
    Bar(
        what="import longrunning",
        values=lambda tables: [
            seconds * 1000 for seconds in tables["starting"].rows["import longrunning"]["seconds"]
        ],
        bar=250, then=None, at_most=True, form=".0f", unit=" ms",
    ),
)  # fmt: skip
