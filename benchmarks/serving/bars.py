"""What is to be reached, and whether it is: ratios round by round, of one run."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.serving import get, waiters
from benchmarks.serving.loading import RATE
from benchmarks.serving.pairs import MODERATE, PER_CPU
from benchmarks.serving.rounds import Table, Values, ratios
from benchmarks.serving.starting import MB

Tables = Mapping[str, Table]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One line of what is to be reached.

    Attributes:
        what: is measured.
        values: finds it in what was measured, a value for each round; raises KeyError if it was
            not measured.
        bar: what it has to reach, None if nothing is asked for.
        then: what it should reach after that, None if nothing is asked for.
        at_most: whether less is better.
        form: how a number is written.
        unit: what stands behind it.
    """

    what: str
    values: Callable[[Tables], Values]
    bar: float | None
    then: float | None
    at_most: bool = False
    form: str = ".2f"
    unit: str = "x"

    def measured(self, tables: Tables) -> Values:
        """Returns a value for each round, none if it was not measured."""
        try:
            return self.values(tables)
        except KeyError:
            return []

    def met_by(self, values: Values, bar: float | None) -> str:
        """Says what a bar is, "" if there is none, and whether the median meets it."""
        if bar is None:
            return ""
        asked = f"{'<=' if self.at_most else '>='} {bar:{self.form}}{self.unit}"
        if not values:
            return asked
        middle = statistics.median(values)
        met = middle <= bar if self.at_most else middle >= bar
        return f"{asked}: {'met' if met else 'NOT met'}"


def _ratio(table: str, above: str, below: str, key: str = RATE) -> Callable[[Tables], Values]:
    def values(tables: Tables) -> Values:
        rows = tables[table].rows
        return ratios(rows[above][key], rows[below][key])

    return values


def _plain(table: str, row: str, key: str) -> Callable[[Tables], Values]:
    return lambda tables: tables[table].rows[row][key]


def _worst(table: str, row: str, key: str) -> Callable[[Tables], Values]:
    return lambda tables: [max(tables[table].rows[row][key])]


def _of_get(callers: str) -> tuple[Bar, ...]:
    """Returns the bars of GetOperation.

    Args:
        callers: what stands behind the names of rows, "" or that callers authenticate.
    """
    ours = get.FINISHED + callers
    return (
        Bar(
            what=f"gRPC Get, SQLite, beside bare grpc.aio returning a constant{callers}",
            values=_ratio("grpc", ours, get.BARE), bar=0.85, then=0.95,
        ),
        Bar(
            what="REST Get, SQLite, uvicorn, beside Envoy's transcoder before the bare handler"
            + callers,
            values=_ratio("rest", ours, get.ENVOY), bar=4, then=5.5,
        ),
        Bar(
            what=f"the same under granian{callers}",
            values=_ratio("rest", get.UNDER_GRANIAN + callers, get.ENVOY),
            bar=5.5, then=7.5,
        ),
        Bar(
            what=f"REST Get beside uvicorn with constant bytes{callers}",
            values=_ratio("rest", ours, get.UVICORN), bar=0.5, then=0.75,
        ),
    )  # fmt: skip


def _of_waiters(count: int, *, bars: bool) -> tuple[Bar, ...]:
    """Returns the bars of so many waiters: those of 50,000 are only asked for after the others."""
    row = waiters.row("SQLite", count)
    what = f"{count:,} gRPC waiters in one process, SQLite: "
    return (
        Bar(
            what=f"{what}memory of each", values=_plain("waiters", row, "kib"),
            bar=26 if bars else None, then=23, at_most=True, form=".1f", unit=" KiB",
        ),
        Bar(
            what=f"{what}from the change to the last of 1,000",
            values=_plain("waiters", row, "last_ms"),
            bar=250 if bars else None, then=100, at_most=True, form=".0f", unit=" ms",
        ),
        Bar(
            what=f"{what}failed, in the worst round", values=_worst("waiters", row, "failed"),
            bar=0 if bars else None, then=0, at_most=True, form=".0f", unit="",
        ),
    )  # fmt: skip


BARS = (
    *_of_get(""),
    *_of_get(get.AUTHENTICATED),
    *(
        Bar(
            what=f"requests per CPU second, two server processes beside one, SQLite, {door}",
            values=_ratio("pairs", f"SQLite, {door}, two", f"SQLite, {door}, one", PER_CPU),
            bar=0.9, then=0.97,
        )
        for door in ("gRPC", MODERATE, "REST")
    ),
    *_of_waiters(10_000, bars=True),
    *_of_waiters(50_000, bars=False),
    Bar(
        what="exec to serving",
        values=_plain("starting", "lro serve, SQLite", "seconds"),
        bar=0.6, then=0.25, at_most=True, form=".3f", unit=" s",
    ),
    Bar(
        what="idle memory",
        values=_plain("starting", "lro serve, SQLite", MB),
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
