"""What holds of every filter, every operation and every text."""

from google.longrunning.operations_pb2 import Operation
from google.protobuf.any_pb2 import Any
from google.rpc import status_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from longrunning.errors import InvalidArgument
from longrunning.filters import Bounds, parse
from longrunning.filters.bounds import Among
from longrunning.filters.syntax import (
    Comparator,
    Not,
    Restriction,
    Search,
    Value,
    conjunction,
    disjunction,
)
from tests.longrunning.filters.samples import POOL, PREFIX, message, pack

NAMES = ["", "operations/a", "operations/ab", "operations/b", "p/operations/a"]
TYPES = [f"{PREFIX}acme.Scan", f"{PREFIX}acme.Step", f"{PREFIX}acme.Unknown", ""]
CONTENTS = [
    "",
    "title: 'a' files: 5 ratio: nan state: RUNNING",
    "title: 'operations/ab' urgent: true tags: ['a', 'ab'] labels {key: 'a' value: 'b'}",
    "start_time {seconds: 5} elapsed {seconds: 5} limit {value: 5} attempt: 5 digest: 'a'",
    "steps {name: 'a' tries: 5} parent {title: 'b'} extra {fields {key: 'a' value {}}}",
    "anything {string_value: 'a'} items {values {number_value: 5}} bucket: 'a' size: 5",
    "extra {fields {key: 'a' value {number_value: 5}}} packed {type_url: 'x'} score: inf",
]

packed = st.one_of(
    st.none(),
    st.sampled_from(CONTENTS).map(lambda content: pack(message(POOL, "acme.Scan", content))),
    st.builds(Any, type_url=st.sampled_from(TYPES), value=st.binary(max_size=8)),
)
operations = st.builds(
    Operation,
    name=st.sampled_from(NAMES),
    done=st.booleans(),
    metadata=packed,
    response=packed,
) | st.builds(
    Operation,
    name=st.sampled_from(NAMES),
    done=st.booleans(),
    metadata=packed,
    error=st.builds(
        status_pb2.Status,
        code=st.sampled_from([0, 1, 5]),
        message=st.sampled_from(["", "a", "ab"]),
        details=st.lists(packed.filter(lambda each: each is not None), max_size=2),
    ),
)

equalities = [Comparator.EQUALS, Comparator.NOT_EQUALS, Comparator.HAS]
stars = st.just(Value(pieces=("", "")))


def values(*texts):
    return st.sampled_from([Value(pieces=tuple(text.split("*"))) for text in texts])


def restrictions_of(path, comparators, literals):
    ordered = st.builds(
        Restriction,
        path=st.just(tuple(path)),
        comparator=st.sampled_from(comparators),
        value=literals,
    )
    present = st.builds(
        Restriction, path=st.just(tuple(path)), comparator=st.sampled_from(equalities), value=stars
    )
    return ordered | present


texts = values("", "a", "ab", "a*", "*b", "a*b", *NAMES, "operations/*", "p/*a")
inner = st.sampled_from(
    [field.name for field in POOL.FindMessageTypeByName("acme.Scan").fields]
    + ["a", "name", "tries", "fields", "value", "nosuch"]
)
paths = st.lists(inner, min_size=1, max_size=3)
literals = values(
    "", "a", "b*", "5", "-5", "5.5", "NaN", "true", "null", "RUNNING", "5s", "1970-01-01", "x/y"
)
restrictions = st.one_of(
    restrictions_of(["done"], equalities, values("true", "false")),
    restrictions_of(["name"], list(Comparator), texts),
    restrictions_of(["error", "code"], list(Comparator), values("0", "5", "5.5", "NaN", "ABORTED")),
    restrictions_of(["error", "message"], list(Comparator), texts),
    restrictions_of(["metadata", "@type"], list(Comparator), values("a", "acme", *TYPES)),
    restrictions_of(["response", "@type"], equalities, values(*TYPES)),
    *(
        st.builds(
            Restriction, path=st.just((name,)), comparator=st.sampled_from(equalities), value=stars
        )
        for name in ("error", "metadata", "response")
    ),
    st.builds(
        Restriction,
        path=st.builds(
            lambda root, path: (root, *path), st.sampled_from(["metadata", "response"]), paths
        ),
        comparator=st.sampled_from(list(Comparator)),
        value=literals,
    ),
    st.builds(
        Restriction,
        path=paths.map(lambda path: ("error", "details", *path)),
        comparator=st.just(Comparator.HAS),
        value=literals,
    ),
)
searches = st.builds(Search, value=values("a", "5", "operations", "a*", "RUNNING"))
expressions = st.recursive(
    restrictions | searches,
    lambda inside: st.one_of(
        st.builds(Not, operand=inside),
        st.lists(inside, min_size=1, max_size=3).map(lambda operands: conjunction(*operands)),
        st.lists(inside, min_size=1, max_size=3).map(lambda operands: disjunction(*operands)),
    ),
    max_leaves=8,
)
# Text that is nearly a filter finds more than any text.
near_filters = st.lists(
    st.sampled_from(
        [
            "a", "done", "name", "error", "metadata", "code", "@type", "labels", "true", "5", "-5",
            "AND", "OR", "NOT", "and", "-", "(", ")", ".", ",", ":", "=", "!=", "<", "<=", ">=",
            "*", "\\", "\\*", '"', "'", '"a b"', "'a*'", " ", " ", " ", "\n", "\xa0", "[0]", "!",
            "2018-03-28T14:50:00Z", "3.5s", "\ud800", "é", "{", "&&",
        ]
    ),
    max_size=14,
).map("".join)  # fmt: skip
any_texts = near_filters | st.text(max_size=30)


@settings(max_examples=800)
@given(expressions, operations)
def test_what_a_filter_selects_is_within_its_bounds(expression, operation):
    asked = parse(str(expression), pool=POOL)
    bounds = asked.bounds()
    if asked.matches(operation):
        assert bounds.admits(operation)
    elif bounds.exact:
        assert not bounds.admits(operation)


@settings(max_examples=300)
@given(expressions)
def test_the_canonical_text_is_read_as_the_same_filter(expression):
    asked = parse(str(expression), pool=POOL)
    assert asked.expression == expression
    assert str(asked) == str(expression)


@settings(max_examples=300)
@given(expressions, operations)
def test_not_selects_exactly_the_others(expression, operation):
    asked = parse(str(expression), pool=POOL)
    for negated in (f"NOT ({asked})", f"-({asked})"):
        assert parse(negated, pool=POOL).matches(operation) is not asked.matches(operation)


@settings(max_examples=300)
@given(st.lists(st.tuples(restrictions, st.sampled_from([" AND ", " ", " OR "]))), operations)
def test_or_binds_tighter_than_and(parts, operation):
    """The reading of a text without parentheses, done once more by splitting it."""
    text = ""
    groups: list[list[bool]] = [[]]
    for index, (restriction, operator) in enumerate(parts):
        text += f"{restriction}{operator if index + 1 < len(parts) else ''}"
        groups[-1].append(parse(str(restriction), pool=POOL).matches(operation))
        if operator != " OR ":
            groups.append([])
    expected = all(any(group) for group in groups if group)
    assert parse(text, pool=POOL).matches(operation) is expected


@settings(max_examples=800)
@given(any_texts, operations)
def test_any_text_is_a_filter_or_an_invalid_argument(text, operation):
    try:
        asked = parse(text, pool=POOL)
    except InvalidArgument as caught:
        error = caught
    else:
        assert parse(str(asked), pool=POOL) == asked
        assert asked.bounds().admits(operation) or not asked.matches(operation)
        return
    assert error.message.isprintable()
    assert 1 <= int(error.metadata["column"]) <= len(text) + 1


sets = st.builds(Among, st.frozensets(st.sampled_from([None, 0, 1])), st.booleans())


@given(sets, sets, st.sampled_from([None, 0, 1, 2]))
def test_sets_are_an_algebra(one, another, value):
    assert (value in ~one) is (value not in one)
    assert (value in (one & another)) is (value in one and value in another)
    assert (value in (one | another)) is (value in one or value in another)


bounds_of_expressions = expressions.map(lambda each: parse(str(each), pool=POOL).bounds())


@given(bounds_of_expressions, bounds_of_expressions, operations)
def test_bounds_narrow_and_widen(one, another, operation):
    both = one.admits(operation) and another.admits(operation)
    either = one.admits(operation) or another.admits(operation)
    assert (one & another).admits(operation) is both
    assert (one | another).admits(operation) or not either
    assert (one & Bounds()) == one
