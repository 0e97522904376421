"""What `make bench` says of the bars: what it measured, and nothing else."""

from benchmarks.serving import get, waiters
from benchmarks.serving.bars import BARS
from benchmarks.serving.loading import COLUMNS, RATE
from benchmarks.serving.report import text_of_bars
from benchmarks.serving.rounds import Table


def lines(tables: dict[str, Table]) -> dict[str, list[str]]:
    """The cells of each bar by its first one."""
    rows = [line.strip("| ").split("|") for line in text_of_bars(tables).splitlines()[4:]]
    cells = [[cell.strip() for cell in row] for row in rows]
    return {row[0]: [*row[1:], ""][:3] for row in cells}


def table(rows: dict[str, dict[str, list[float]]]) -> Table:
    return Table(title="", columns=COLUMNS, rows=rows)


def waiting(count: int, **values: list[float]) -> dict[str, Table]:
    return {"waiters": table({waiters.row("SQLite", count): values})}


def test_a_run_claims_nothing_that_it_did_not_measure() -> None:
    shown = lines({})
    assert len(shown) == len(BARS)
    for measured, bar, then in shown.values():
        assert measured == "not measured"
        assert "met" not in bar + then


def test_a_ratio_is_made_round_by_round_and_its_median_meets_the_bar_or_not() -> None:
    rates = {get.FINISHED: {RATE: [90.0, 170.0, 80.0]}, get.BARE: {RATE: [100.0, 200.0, 80.0]}}
    shown = lines({"grpc": table(rates)})
    assert shown["gRPC Get, SQLite, beside bare grpc.aio returning a constant"] == [
        "0.90 (0.85 to 1.00)x",
        ">= 0.85x: met",
        ">= 0.95x: NOT met",
    ]
    authenticated = "gRPC Get, SQLite, beside bare grpc.aio returning a constant, authenticated"
    assert shown[authenticated][0] == "not measured"


def test_callers_that_authenticate_have_a_line_of_their_own() -> None:
    known = get.FINISHED + get.AUTHENTICATED
    rates = {known: {RATE: [50.0]}, get.UVICORN: {RATE: [100.0]}}
    shown = lines({"rest": table(rates)})
    assert shown["REST Get beside uvicorn with constant bytes"][0] == "not measured"
    assert shown["REST Get beside uvicorn with constant bytes, authenticated"] == [
        "0.50x",
        ">= 0.50x: met",
        ">= 0.75x: NOT met",
    ]


def test_less_is_better_where_a_bar_says_at_most() -> None:
    shown = lines(waiting(10_000, kib=[24.0, 26.0, 27.0]))
    assert shown["10,000 gRPC waiters in one process, SQLite: memory of each"] == [
        "26.0 (24.0 to 27.0) KiB",
        "<= 26.0 KiB: met",
        "<= 23.0 KiB: NOT met",
    ]


def test_one_round_in_which_a_waiter_failed_is_enough() -> None:
    shown = lines(waiting(10_000, failed=[0.0, 0.0, 0.0, 0.0, 1.0]))
    failed = shown["10,000 gRPC waiters in one process, SQLite: failed, in the worst round"]
    assert failed == ["1", "<= 0: NOT met", "<= 0: NOT met"]


def test_fewer_waiters_than_the_bar_asks_for_do_not_meet_it() -> None:
    shown = lines(waiting(2_000, kib=[1.0], last_ms=[1.0], failed=[0.0]))
    assert {cells[0] for cells in shown.values()} == {"not measured"}


def test_what_comes_then_is_of_50_000_waiters() -> None:
    shown = lines(waiting(50_000, last_ms=[99.0]))
    many = "50,000 gRPC waiters in one process, SQLite: from the change to the last of 1,000"
    assert shown[many] == ["99 ms", "", "<= 100 ms: met"]
    assert shown[many.replace("50,000", "10,000")][0] == "not measured"


def test_the_line_of_granian_is_of_lro_serve_and_not_of_the_rest_face_alone() -> None:
    alone = {get.ALONE.format("granian"): {RATE: [90.0]}, get.ENVOY: {RATE: [10.0]}}
    assert lines({"rest": table(alone)})["the same under granian"][0] == "not measured"
    served = {get.UNDER_GRANIAN: {RATE: [60.0]}, get.ENVOY: {RATE: [10.0]}}
    assert lines({"rest": table(served)})["the same under granian"] == [
        "6.00x",
        ">= 5.50x: met",
        ">= 7.50x: NOT met",
    ]
