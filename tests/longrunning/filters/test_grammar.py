"""The grammar: what each text is read as, in its canonical spelling, and each way to be wrong."""

import pytest

from longrunning.errors import InvalidArgument
from longrunning.filters import parse
from longrunning.filters.grammar import (
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_NAMES,
    MAX_RESTRICTIONS,
    MAX_SEARCHES,
    parse_expression,
)
from longrunning.filters.syntax import Restriction, Search

READINGS = [
    # An empty filter
    ("", ""),
    (" \t\r\n ", ""),
    # Precedence: OR binds tighter than AND, and juxtaposition is AND
    ("a=1 AND b=2 OR c=3", "a = 1 AND (b = 2 OR c = 3)"),
    ("a=1 OR b=2 AND c=3", "(a = 1 OR b = 2) AND c = 3"),
    ("a=1 b=2 OR c=3 AND d=4", "a = 1 AND (b = 2 OR c = 3) AND d = 4"),
    ("(a=1 AND b=2) OR c=3", "(a = 1 AND b = 2) OR c = 3"),
    ("New York Giants OR Yankees", '"New" AND "York" AND ("Giants" OR "Yankees")'),
    ("New York (Giants OR Yankees)", '"New" AND "York" AND ("Giants" OR "Yankees")'),
    # Parentheses
    ("((a=1))", "a = 1"),
    ("(a=1)(b=2)", "a = 1 AND b = 2"),
    ("(a=1 b=2) AND (c=3 d=4)", "a = 1 AND b = 2 AND c = 3 AND d = 4"),
    ("(a=1 OR (b=2 OR c=3))", "a = 1 OR b = 2 OR c = 3"),
    ("( a = 1 )", "a = 1"),
    # Negation
    ("NOT a=1", "NOT a = 1"),
    ("-a=1", "NOT a = 1"),
    ('-file:".java"', 'NOT file:".java"'),
    ("NOT (a=1 OR b=2)", "NOT (a = 1 OR b = 2)"),
    ("NOT(a=1)", "NOT a = 1"),
    ("-(a=1 b=2)", "NOT (a = 1 AND b = 2)"),
    ("NOT a=1 OR b=2", "NOT a = 1 OR b = 2"),
    ("NOT (NOT a=1)", "NOT (NOT a = 1)"),
    ("a=1 -b=2", "a = 1 AND NOT b = 2"),
    ("-30", 'NOT "30"'),
    # Comparators, with and without spaces
    ("a=1", "a = 1"),
    ("a != 1", "a != 1"),
    ("a<1", "a < 1"),
    ("a<=1", "a <= 1"),
    ("a >1", "a > 1"),
    ("a>= 1", "a >= 1"),
    ("a:1", "a:1"),
    ("a : 1", "a:1"),
    ("a:*", "a:*"),
    ("a = *", "a = *"),
    ("a != *", "a != *"),
    ('a = "*"', "a = *"),
    # Paths
    ("a.b.c=1", "a.b.c = 1"),
    ("a.@type=1", "a.@type = 1"),
    ("a.'b c'.d=1", 'a."b c".d = 1'),
    ('a."b.c"=1', 'a."b.c" = 1'),
    ("a.AND.OR=1", 'a."AND"."OR" = 1'),
    ("a.b-c/d:1", "a.b-c/d:1"),
    ("a.1.type=2", "a.1.type = 2"),
    # Values, bare and quoted
    ("a=projects/p/locations/l/datasets/5", "a = projects/p/locations/l/datasets/5"),
    ("a=type.googleapis.com/a.b.C", "a = type.googleapis.com/a.b.C"),
    ("a>=2018-03-28T14:50:00Z", 'a >= "2018-03-28T14:50:00Z"'),
    ("a={some-service}.x", 'a = "{some-service}.x"'),
    ("a:b:c", 'a:"b:c"'),
    ("a=-5", "a = -5"),
    ("a=-5.5e-3", "a = -5.5e-3"),
    ("a=!", 'a = "!"'),
    ("a=50%", 'a = "50%"'),
    ("a=''", 'a = ""'),
    ('a="b c"', 'a = "b c"'),
    ("a='b c'", 'a = "b c"'),
    ('a="it\'s"', 'a = "it\'s"'),
    ("a='say \"hi\"'", r'a = "say \"hi\""'),
    ("a='it\\'s'", 'a = "it\'s"'),
    (r'a="x\\y"', r'a = "x\\y"'),
    (r'a="\n\r\t"', r'a = "\n\r\t"'),
    ('a="AND"', 'a = "AND"'),
    ("a=Ünïcode", 'a = "Ünïcode"'),
    ("a=b*c", 'a = "b*c"'),
    (r"a=b\*c", r'a = "b\*c"'),
    (r"a=b\ \(c\)", 'a = "b (c)"'),
    (r"a.b\.c=1", 'a."b.c" = 1'),
    # The comparator holds for each literal in the parentheses behind it
    ("a=(b OR c)", "a = b OR a = c"),
    ("a:(b c)", "a:b AND a:c"),
    ("a=(b AND (c OR d))", "a = b AND (a = c OR a = d)"),
    ("a=(NOT b)", "NOT a = b"),
    ("a:(-b OR -5)", "NOT a:b OR a:-5"),
    ("a.b=( x/y OR 'z' ) c=1", "(a.b = x/y OR a.b = z) AND c = 1"),
    # Literals without a field
    ("prod", '"prod"'),
    ("'a b'", '"a b"'),
    ("2.5", '"2.5"'),
    ("foo.bar", '"foo.bar"'),
    ("pro*", '"pro*"'),
    ('"AND"', '"AND"'),
    ('"done"', '"done"'),
    ("done", "done = true"),
    ("NOT done", "NOT done = true"),
]


@pytest.mark.parametrize(("text", "canonical"), READINGS)
def test_a_text_is_read_as(text, canonical):
    assert str(parse_expression(text)) == canonical
    assert parse_expression(canonical) == parse_expression(text)


MISTAKES = [
    # Parentheses
    ("(a=1", 1, "this ( is never closed."),
    ("a=1 AND (b=2 OR (c=3)", 9, "this ( is never closed."),
    ("a=1)", 4, "this ) closes nothing."),
    ("()", 1, "there is nothing between these parentheses."),
    ("a=()", 3, "there is nothing between these parentheses."),
    ("a=(b", 3, "this ( is never closed."),
    # Something is missing
    ("a=", 3, "a value was expected behind =."),
    ("(a: )", 5, "a value was expected behind :."),
    ("a=1 AND", 5, "something was expected behind AND."),
    ("a=1 OR", 5, "something was expected behind OR."),
    ("(NOT )", 2, "something was expected behind NOT."),
    ("a.", 3, "the filter ends where the name of a field behind the dot was expected."),
    ("a..b=1", 3, "the name of a field behind the dot was expected, not '.'."),
    ("=1", 1, "a field or a value was expected, not '='."),
    (".a=1", 1, "a field or a value was expected, not '.'."),
    ("-", 1, "- stands directly before what it negates."),
    ("- a=1", 1, "- stands directly before what it negates."),
    # Keywords where none can stand
    ("AND a=1", 1, "a field was expected, not AND; put it in quotes if it is one."),
    ("a=1 OR OR b=2", 8, "a field was expected, not OR; put it in quotes if it is one."),
    ("NOT NOT a=1", 5, "a field was expected, not NOT; put it in quotes if it is one."),
    ("a=AND", 3, "a value was expected, not AND; put it in quotes if it is one."),
    ("a=(b OR NOT)", 9, "something was expected behind NOT."),
    # Words of other languages, which would quietly be searched for
    (
        "a=1 and b=2",
        5,
        "'and' is no operator; write AND, or put the word in quotes to search for it.",
    ),
    (
        "a=1 Or b=2",
        5,
        "'Or' is no operator; write OR, or put the word in quotes to search for it.",
    ),
    (
        "a=1 && b=2",
        5,
        "'&&' is no operator; write AND, or put the word in quotes to search for it.",
    ),
    (
        "a=1 || b=2",
        5,
        "'||' is no operator; write OR, or put the word in quotes to search for it.",
    ),
    ("!done", 1, "! negates nothing; write NOT or -."),
    (
        "NOT error",
        5,
        (
            "error alone asks nothing; write error:* to ask whether it is there, or put the word "
            "in quotes to search for it."
        ),
    ),
    ("a==1", 2, "'==' is no comparator; there are = != < <= > >= and :."),
    ("a=~1", 2, "'=~' is no comparator; there are = != < <= > >= and :."),
    ("a <> 1", 3, "'<>' is no comparator; there are = != < <= > >= and :."),
    # Lists, functions, indices
    ("project:*,location:*", 10, "a comma joins nothing; write AND or OR."),
    ("a, b", 2, "a comma joins nothing; write AND or OR."),
    (
        "regex(a, 'b')",
        1,
        "there are no functions here, so 'regex' cannot be called; compare a field with a value.",
    ),
    (
        "a=1 b.endsWith('c')",
        7,
        (
            "there are no functions here, so 'endsWith' cannot be called; compare a field with a "
            "value."
        ),
    ),
    (
        "a <= cohort(b)",
        6,
        "there are no functions here, so 'cohort' cannot be called; compare a field with a value.",
    ),
    ("e[0].foo=42", 2, "a filter cannot pick one element of a list; : asks whether any is equal."),
    # Quotes and escapes
    ("a='b", 3, "the string that begins here lacks its closing '."),
    ('a="b\\"', 3, 'the string that begins here lacks its closing ".'),
    ('a=b"c"', 4, "a quotation mark inside a word; put all of it in quotes."),
    ('"a""b"', 4, "a quotation mark inside a word; put all of it in quotes."),
    ("a=O'Brien", 4, "a quotation mark inside a word; put all of it in quotes."),
    ('a="b"c', 6, "'c' cannot stand here; a value that has one needs quotes."),
    ('a="b\\d"', 5, "'\\\\d' is no escape; write \\\\ for a backslash."),
    ("a=b\\d", 4, "'\\\\d' is no escape; write \\\\ for a backslash."),
    ("a=b\\", 4, "a backslash that escapes nothing; write \\\\ for a backslash."),
    # Characters that a bare value cannot have
    ("a=http://x?b=c", 13, "'=' cannot stand here; a value that has one needs quotes."),
    ("a=b<c", 4, "'<' cannot stand here; a value that has one needs quotes."),
    ("a=\xa0b", 3, "a value was expected, not '\\xa0'."),
    ("a=b\0", 4, "'\\x00' is no character of a text."),
    ("a='\ud800'", 4, "'\\ud800' is no character of a text."),
    # The wildcard alone is a question of its own
    ("a < *", 5, "* alone asks whether there is anything; < takes a value."),
    # The grammar of other APIs
    ('{"projectId":"p"}', 2, "a quotation mark inside a word; put all of it in quotes."),
]


@pytest.mark.parametrize(("text", "column", "message"), MISTAKES)
def test_a_mistake_is_named_with_its_column(text, column, message):
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.message == f"The filter is wrong at column {column}: {message}"
    assert caught.value.metadata == {"field": "filter", "column": str(column)}
    assert caught.value.reason == "INVALID_FILTER"
    assert caught.value.field == "filter"


def test_a_filter_at_its_limits_is_read():
    assert parse_expression("a=" + "b" * (MAX_LENGTH - 2))
    assert parse_expression(".".join("a" * MAX_NAMES) + "=1")
    assert parse_expression("a=1 " * MAX_RESTRICTIONS)
    assert parse_expression("a=(" + "b " * MAX_RESTRICTIONS + ")")
    assert parse_expression("a " * MAX_SEARCHES)


LIMITS = [
    (
        "a" * (MAX_LENGTH + 1),
        MAX_LENGTH + 1,
        "a filter may have 16384 characters, this one has 16385.",
    ),
    ("(" * (MAX_DEPTH + 1) + "a", MAX_DEPTH + 1, "parentheses may be nested 50 deep."),
    ("(" * MAX_LENGTH, MAX_DEPTH + 1, "parentheses may be nested 50 deep."),
    ("-(" * 8000, 2 * MAX_DEPTH + 2, "parentheses may be nested 50 deep."),
    (".".join("a" * (MAX_NAMES + 1)) + "=1", 2 * MAX_NAMES + 1, "a path may have 32 names."),
    (
        "a=1 " * (MAX_RESTRICTIONS + 1),
        4 * MAX_RESTRICTIONS + 1,
        "a filter may have 500 comparisons, and this is one more.",
    ),
    (
        "a=(" + "b " * (MAX_RESTRICTIONS + 1) + ")",
        2 * MAX_RESTRICTIONS + 4,
        "a filter may have 500 comparisons, and this is one more.",
    ),
    (
        "a " * (MAX_SEARCHES + 1),
        2 * MAX_SEARCHES + 1,
        "a filter may search for 20 values without a field, and this is one more.",
    ),
]


@pytest.mark.parametrize(("text", "column", "message"), LIMITS)
def test_a_limit_is_named_with_its_column(text, column, message):
    with pytest.raises(InvalidArgument) as caught:
        parse(text)
    assert caught.value.message == f"The filter is wrong at column {column}: {message}"


def test_the_deepest_filter_can_be_used():
    deepest = parse("-(" * MAX_DEPTH + "done" + ")" * MAX_DEPTH)
    assert parse(str(deepest)) == deepest
    assert deepest.bounds().done is True


def test_a_long_text_is_quoted_short():
    with pytest.raises(InvalidArgument) as caught:
        parse("done=" + "x" * 10_000)
    assert caught.value.message == (
        f"The filter is wrong at column 6: done is true or false, and never '{'x' * 57}...'."
    )


def test_columns_do_not_take_part_in_equality():
    assert parse_expression(" a  =  1 ") == parse_expression("a=1")


def test_the_tree_keeps_columns_for_messages():
    restriction = parse_expression("  a.b  >= 'c'")
    assert isinstance(restriction, Restriction)
    assert restriction.columns == (3, 5, 8, 11)
    assert restriction.value.column == 11


def test_a_star_is_a_wildcard_unless_escaped():
    search = parse_expression(r"'a*b\*c'")
    assert isinstance(search, Search)
    assert search.value.pieces == ("a", "b*c")
