"""Literals without a field."""

import pytest
from google.longrunning.operations_pb2 import Operation
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2

from longrunning.filters import parse
from longrunning.filters.searching import MAX_PACKED
from tests.longrunning.filters.samples import POOL, message, pack

OPERATION = Operation(
    name="projects/prod/operations/7f3a",
    done=True,
    metadata=pack(
        message(
            POOL,
            "acme.Scan",
            """
            title: 'Victor Hugo' files: 42 ratio: 0.5 state: RUNNING digest: 'bytes'
            tags: ['red', 'green'] urgent: true start_time {seconds: 77}
            labels {key: 'color' value: 'blue'}
            stages {key: 'first' value {name: 'copy'}}
            steps {name: 'inner' steps {name: 'innermost'}}
            extra {fields {key: 'size' value {string_value: 'large'}}}
            packed {[type.googleapis.com/acme.Step] {name: 'within'}}
            """,
        )
    ),
    error=status_pb2.Status(
        code=8, message="Quota", details=[pack(error_details_pb2.ErrorInfo(reason="STOCKOUT"))]
    ),
)

FOUND = [
    "prod", "7f3a", "Hugo", "'Victor Hugo'", "Victor Hugo", "42", "0.5", "8", "RUNNING", "red",
    "blue", "copy", "inner", "innermost", "large", "within", "Quota", "STOCKOUT", "acme.Scan",
    "google.rpc.ErrorInfo", "Vic*", "*Hugo", "RUN*", "*", "-nothing", "red OR nothing",
]  # fmt: skip
NOT_FOUND = [
    "nothing", "hugo", "Victor nothing", "4", "0.50001", "RUNN", "running", "color", "first",
    "size", "title", "true", "77", "bytes", "Hug*", "NOT red", '"done"',
]  # fmt: skip


@pytest.mark.parametrize("text", FOUND)
def test_it_is_found_in(text):
    assert parse(text, pool=POOL).matches(OPERATION)


@pytest.mark.parametrize("text", NOT_FOUND)
def test_it_is_not_found_in(text):
    assert not parse(text, pool=POOL).matches(OPERATION)


def test_what_is_packed_too_deep_is_not_considered():
    packed = pack(message(POOL, "acme.Step", "name: 'needle'"))
    for depth in range(1, MAX_PACKED + 3):
        operation = Operation(metadata=packed)
        assert parse("needle", pool=POOL).matches(operation) is (depth <= MAX_PACKED)
        packed = pack(packed)


def test_a_search_is_not_bounded_by_the_stack():
    packed = Any()
    for _ in range(2_000):
        packed = pack(packed)
    assert not parse("needle").matches(Operation(metadata=packed))
    assert not parse("metadata.value.needle:*").matches(Operation(metadata=packed))
