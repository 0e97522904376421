"""Literals read as a type, and patterns of wildcards."""

import math

import pytest

from longrunning.filters import literals

SECOND = 1_000_000_000

TIMESTAMPS = [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-01t00:00:01z", SECOND),
    ("1970-01-01T00:00:00.000000001Z", 1),
    ("1970-01-01T00:00:00.5Z", SECOND // 2),
    ("1970-01-01T02:00:00+02:00", 0),
    ("1969-12-31T20:00:00-04:00", 0),
    ("2012-04-21T11:30:00-04:00", 1_335_022_200 * SECOND),
    ("2018-03-28T14:50:00", 1_522_248_600 * SECOND),  # without an offset: UTC
    ("2017-02-01", 1_485_907_200 * SECOND),  # a date alone: its midnight
    ("1432140000", 1_432_140_000 * SECOND),  # seconds
    ("-1.5", -3 * SECOND // 2),
    ("0001-01-01T00:00:00Z", -62_135_596_800 * SECOND),
    ("9999-12-31T23:59:59.999999999Z", 253_402_300_800 * SECOND - 1),
    ("1970-13-01", None),
    ("1970-01-32", None),
    ("2017-02-29", None),
    ("0000-01-01", None),
    ("1970-01-01T25:00:00Z", None),
    ("1970-01-01T00:00Z", None),
    ("1970-01-01 00:00:00Z", None),
    ("1970-01-01T00:00:00+24:00", None),
    ("1970-01-01T01:59:00+01:59", 0),
    ("1970-01-01T00:00:00+01:60", None),
    ("1970-01-01T00:00:00.0000000001Z", None),
    ("١٩٧٠-01-01", None),
    ("yesterday", None),
    ("", None),
    ("1" * 5000, None),
]


@pytest.mark.parametrize(("text", "nanoseconds"), TIMESTAMPS)
def test_a_timestamp_is_read_as(text, nanoseconds):
    assert literals.as_timestamp(text) == nanoseconds


DURATIONS = [
    ("20s", 20 * SECOND),
    ("1.2s", 12 * SECOND // 10),
    ("-0.5s", -SECOND // 2),
    ("0.000000001s", 1),
    ("20", None),
    ("s", None),
    (".5s", None),
    ("1.0000000001s", None),
    ("1m", None),
    ("1" * 5000 + "s", None),
]


@pytest.mark.parametrize(("text", "nanoseconds"), DURATIONS)
def test_a_duration_is_read_as(text, nanoseconds):
    assert literals.as_duration(text) == nanoseconds


NUMBERS = [
    ("42", 42),
    ("-42", -42),
    ("+42", 42),
    ("007", 7),
    ("2.997e9", 2.997e9),
    (".5", 0.5),
    ("5.", 5.0),
    ("1E-3", 0.001),
    ("Infinity", math.inf),
    ("-Infinity", -math.inf),
    ("18446744073709551615", 2**64 - 1),
    ("9" * 5000, math.inf),
    ("nan", None),
    ("inf", None),
    ("0x1f", None),
    ("1_000", None),
    ("1e", None),
    ("", None),
    ("٤", None),
]


@pytest.mark.parametrize(("text", "number"), NUMBERS)
def test_a_number_is_read_as(text, number):
    assert literals.as_number(text) == number
    assert type(literals.as_number(text)) is type(number)


def test_nan_is_a_number():
    number = literals.as_number("NaN")
    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("//4=", b"\xff\xfe"),
        ("__4", b"\xff\xfe"),
        ("", b""),
        ("AAA", b"\0\0"),
        ("A", None),
        ("?", None),
        ("ü", None),
    ],
)
def test_bytes_are_read_as(text, content):
    assert literals.as_bytes(text) == content


PATTERNS = [
    (("abc",), "abc", True),
    (("abc",), "abcd", False),
    (("", ".foo"), "x.foo", True),
    (("", ".foo"), ".foo", True),
    (("", ".foo"), "x.foo.", False),
    (("a", "a"), "a", False),
    (("a", "a"), "aa", True),
    (("", "b", ""), "abc", True),
    (("", "b", ""), "ac", False),
    (("a", "b", "c"), "a-b-b-c", True),
    (("a", "b", "c"), "acb", False),
    (("a", "bc", "c"), "abc", False),
    (("", "", ""), "", True),
]


@pytest.mark.parametrize(("pieces", "text", "matches"), PATTERNS)
def test_wildcards_stand_for_anything(pieces, text, matches):
    assert literals.equals_pattern(pieces)(text) is matches


def test_a_hostile_pattern_takes_no_time():
    pieces = ("", *["a"] * 5_000, "b")
    assert not literals.equals_pattern(pieces)("a" * 100_000)
