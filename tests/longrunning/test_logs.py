"""Lines of log for programs."""

import json
import logging
import sys

import pytest

from longrunning.logs import JSONFormatter
from longrunning.traces import ids_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


def line_of(message: str, *arguments: object, **options: object) -> str:
    logger = logging.Logger("shop")
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger.addHandler(handler)
    logger.warning(message, *arguments, **options)  # type: ignore[arg-type]
    records[0].created = 1_800_000_000.25
    return JSONFormatter().format(records[0])


def test_a_line_is_one_object() -> None:
    line = line_of("sold %d", 3, extra={"operation": "operations/1", "attempt": 2, "ratio": 0.5})
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "WARNING",
        "logger": "shop",
        "message": "sold 3",
        "operation": "operations/1",
        "attempt": 2,
        "ratio": 0.5,
    }


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\u2028b", "a\x85b", 'a"b\\', "\ud800"])
def test_no_text_breaks_a_line(text: str) -> None:
    line = line_of("%s", text, extra={"operation": text})
    assert len(line.splitlines()) == 1
    assert json.loads(line)["message"] == json.loads(line)["operation"] == text


def test_a_traceback_is_a_field() -> None:
    try:
        raise ValueError("no\nsuch thing")
    except ValueError:
        line = line_of("it failed", exc_info=sys.exc_info())
    assert len(line.splitlines()) == 1
    fields = json.loads(line)
    assert fields["message"] == "it failed"
    assert fields["exception"].startswith("Traceback (most recent call last):\n")
    assert fields["exception"].endswith("ValueError: no\nsuch thing")


def test_only_plain_extra_fields_are_written() -> None:
    secret = {"password": "hunter2"}
    line = line_of("x", extra={"request": secret, "ratio": float("nan"), "done": True})
    assert json.loads(line).keys() == {"time", "level", "logger", "message", "done"}


def test_an_extra_field_does_not_replace_one_of_the_line() -> None:
    assert json.loads(line_of("x", extra={"level": "none", "logger": "other"}))["logger"] == "shop"


@pytest.mark.parametrize(
    ("traceparent", "ids"),
    [
        (f"00-{TRACE}-{SPAN}-01", (TRACE, SPAN)),
        ("", ("", "")),
        (f"00-{TRACE}-{SPAN}", ("", "")),
        (f"00-{'0' * 32}-{SPAN}-01", ("", "")),
        (f"00-{TRACE}-{'0' * 16}-01", ("", "")),
        (f"00-{TRACE.upper()}-{SPAN}-01", ("", "")),
    ],
)
def test_the_ids_of_a_traceparent(traceparent: str, ids: tuple[str, str]) -> None:
    assert ids_of(traceparent) == ids
