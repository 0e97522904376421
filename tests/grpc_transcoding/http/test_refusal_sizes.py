"""A refusal repeats a little of the request, never all of it."""

import pytest

from tests.grpc_transcoding.asgi_client import call

LONG = "k" * 7000
BOOK = "/v1/shelves/1/books/2"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("method", "target", "body", "headers"),
    [
        ("GET", f"/v1/echo?types.stringMap[{LONG}]=1&types.stringMap[{LONG}]=2", None, {}),
        ("GET", f"/v1/echo?types.int32Map[{LONG}]=true", None, {}),
        ("GET", f"/v1/echo?types.authorMap[{LONG}]=1", None, {}),
        ("GET", f"/v1/echo?types.int32Value={LONG}", None, {}),
        ("GET", f"/v1/echo?{LONG}=1", None, {}),
        ("GET", f"/v1/echo?alt={LONG}", None, {}),
        ("GET", f"/v1/echo?fields={LONG}", None, {}),
        ("POST", f"/v1/shelves/1/books?book.titles[{LONG}]=1", {}, {}),
        ("POST", f"{BOOK}:move?{LONG}=1", {}, {}),
        ("POST", "/v1/echo", {LONG: 1}, {}),
        ("POST", "/v1/echo", f'{{"{LONG}": 1, "{LONG}": 2}}'.encode(), JSON),
        ("POST", "/v1/echo", {"types": {"authorMap": {LONG: {"zz": 1}}}}, {}),
        ("POST", "/v1/echo", {"types": {"authorMap": {LONG: {"year": "x"}}}}, {}),
        ("POST", "/v1/echo", b"{}", {"content-type": LONG}),
        ("POST", "/v1/echo", b"{}", {**JSON, "content-encoding": LONG}),
        ("GET", BOOK, None, {f"x-{LONG}-bin": "!"}),
        ("GET", BOOK, None, {"grpc-timeout": LONG}),
        ("GET", f"{BOOK}/pages/{LONG}", None, {}),
        ("GET", f"/v1/{LONG}", None, {}),
        (LONG, BOOK, None, {}),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_refusal_repeats_little_of_what_is_long(app, method, target, body, headers):
    answer = await call(app, method, target, body, headers)
    assert 400 <= answer.status < 500
    assert len(answer.body) < 2000
