"""Short names of fields that a service declares."""

import re

import pytest

from longrunning.errors import InvalidArgument
from longrunning.filters import check_aliases, parse
from tests.longrunning.filters.samples import POOL, scan

ALIASES = {
    "labels": "metadata.labels",
    "startTime": "metadata.start_time",
    "TYPE": "metadata.@type",
    "finished": "done",
    "failure": "error",
}

EXPANDED = [
    ("labels.color = red", "metadata.labels.color = red"),
    ("labels:color", "metadata.labels:color"),
    ("startTime >= 2017-02-01", "metadata.start_time >= 2017-02-01"),
    ("start_time >= 2017-02-01", "metadata.start_time >= 2017-02-01"),
    ("TYPE=x AND -(labels:a OR finished=true)", None),
    ("failure.code = 5", "error.code = 5"),
    ("metadata.labels.color = red", "metadata.labels.color = red"),
    ("done=true", "done = true"),
]


@pytest.mark.parametrize(("text", "expanded"), EXPANDED)
def test_an_alias_is_spelled_out(text, expanded):
    asked = parse(text, aliases=ALIASES)
    assert str(asked) == (
        expanded or "metadata.@type = x AND NOT (metadata.labels:a OR done = true)"
    )
    assert parse(str(asked)) == asked


def test_an_alias_matches_and_bounds_as_its_path_does():
    asked = parse("labels.color=red finished=false", aliases=ALIASES, pool=POOL)
    assert asked.matches(scan("labels {key: 'color' value: 'red'}"))
    assert not asked.matches(scan("labels {key: 'color' value: 'blue'}"))
    assert asked.bounds().done is False


MISTAKES = [
    (
        "colour=red",
        1,
        (
            "an operation has no field 'colour'; it has name, metadata, done, error, response, "
            "labels, startTime, TYPE, finished, failure."
        ),
    ),
    ("label.color=red", 1, "an operation has no field 'label'; did you mean labels?"),
    ("a=1", 1, None),
    ("finished = 7", 12, "done is true or false, and never '7'."),
    ("failure.cod = 7", 9, "Status has no field 'cod'; did you mean code?"),
    ("failure = 7", 1, None),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES)
def test_a_mistake_is_named_where_the_client_made_it(text, column, message):
    with pytest.raises(InvalidArgument) as caught:
        parse(text, aliases=ALIASES)
    assert caught.value.metadata["column"] == str(column)
    if message is not None:
        assert caught.value.message == f"The filter is wrong at column {column}: {message}"


WRONG = [
    ({"done": "metadata.done"}, "The alias 'done' would hide a field of Operation."),
    ({"a.b": "metadata.c"}, "The alias 'a.b' is not one bare word."),
    ({"": "metadata.c"}, "The alias '' is not one bare word."),
    ({"AND": "metadata.c"}, "The alias 'AND' is not one bare word."),
    (
        {"a": "labels.c"},
        (
            "The alias 'a' stands for 'labels.c', which is no path in Operation; a path begins "
            "with one of name, metadata, done, error, response."
        ),
    ),
    (
        {"a": "metadata..c"},
        (
            "The alias 'a' stands for 'metadata..c', which is no path in Operation; a path begins "
            "with one of name, metadata, done, error, response."
        ),
    ),
]


@pytest.mark.parametrize(("aliases", "message"), WRONG)
def test_a_wrong_alias_is_the_mistake_of_the_service(aliases, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_aliases(aliases)


def test_right_aliases_are_accepted():
    check_aliases(ALIASES)
