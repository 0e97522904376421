"""What the path binds is final, whatever query and body say of it."""

import pytest
from google.api import http_pb2

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.library import LibraryServicer

ECHO = "grpc_transcoding.testing.v1.Library.Echo"


@pytest.fixture
def app():
    rule = http_pb2.HttpRule(selector=ECHO, get="/text/{types.string_wrapper}")
    rule.additional_bindings.add(get="/value/{types.string_wrapper.value}")
    rule.additional_bindings.add(get="/moment/{types.timestamp}")
    rule.additional_bindings.add(post="/choice/{types.choice_string}", body="*")
    rule.additional_bindings.add(post="/author/{types.choice_author.full_name}", body="*")
    transcoder = Transcoder(http_rules=[rule])
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    return transcoder


@pytest.mark.parametrize(
    ("target", "name", "held"),
    [
        ("/text/a?types.stringWrapper=b", "types.stringWrapper", "types.string_wrapper"),
        ("/text/a?types.stringWrapper.value=b", "types.stringWrapper.value", "types.string_wrapper"),
        ("/value/a?types.stringWrapper=b", "types.stringWrapper", "types.string_wrapper.value"),
        ("/moment/2020-01-01T00:00:00Z?types.timestamp.seconds=5", "types.timestamp.seconds", "types.timestamp"),
    ],
)  # fmt: skip
async def test_a_query_reaches_no_part_of_what_the_path_binds(app, target, name, held):
    answer = await call(app, "GET", target)
    assert answer.error == (
        400,
        "INVALID_ARGUMENT",
        f"query parameter {name!r} disagrees with the path, which binds {held!r};"
        " leave it out or repeat the value",
    )
    assert answer.reason == "PATH_FIELD_CONFLICT"


@pytest.mark.parametrize(
    ("target", "types", "held"),
    [
        ("/choice/a", {"choiceInt32": 5}, "types.choice_string"),
        ("/author/a", {"choiceInt32": 5}, "types.choice_author.full_name"),
    ],
)
async def test_a_body_holds_no_other_member_of_a_bound_oneof(app, target, types, held):
    answer = await call(app, "POST", target, {"types": types})
    assert answer.error == (
        400,
        "INVALID_ARGUMENT",
        f"{held!r} and 'choice_int32' exclude each other: both are in the oneof 'choice'",
    )
    assert answer.reason == "ONEOF_CONFLICT"


async def test_a_body_may_fill_what_is_beside_a_bound_field(app):
    answer = await call(app, "POST", "/author/a", {"types": {"choiceAuthor": {"year": 5}}})
    assert answer.json == {"types": {"choiceAuthor": {"fullName": "a", "year": 5}}}
