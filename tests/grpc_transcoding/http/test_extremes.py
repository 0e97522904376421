"""Requests at the edge of every limit are answered, and their replies written."""

import json

import pytest

from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.fuzz.oracle import library

DEPTH = 20  # of the oracle's transcoder


def nested(depth: int, key: str, inner):
    for _ in range(depth):
        inner = {key: inner}
    return inner


EXTREMES = {
    "a path of empty segments": ("GET", "/" * 8192, None, 404),
    "a path of many segments": ("GET", "/v1/drafts" + "/a" * 4000, None, 200),
    "a path of many colons": ("GET", "/v1/drafts/" + ":" * 8000, None, 200),
    "a path of many escapes": ("GET", "/v1/drafts/" + "%2F" * 2700, None, 200),
    "many parameters": ("GET", "/v1/echo?" + "&".join(["types.strings=a"] * 256), None, 200),
    "a long value": ("GET", "/v1/echo?types.stringValue=" + "a" * 16000, None, 200),
    "a long map key": ("GET", f"/v1/echo?types.stringMap[{'k' * 16000}]=v", None, 200),
    "a long wrong name": ("GET", f"/v1/echo?{'k' * 16000}=v", None, 400),
    "a long wrong value": ("GET", "/v1/echo?types.int32Value=" + "9" * 16000, None, 400),
    "a deep name": ("GET", "/v1/echo?types." + "nested." * 30 + "int32Value=1", None, 200),
    "a deep struct in a query": ("GET", "/v1/echo?types.struct=" + json.dumps(nested(12, "a", 1)), None, 200),
    "a too deep struct in a query": ("GET", "/v1/echo?types.struct=" + json.dumps(nested(900, "a", 1)), None, 400),
    "a deep message": ("POST", "/v1/echo", nested(1, "types", nested(DEPTH - 1, "nested", 1)), 400),
    "a deepest message": ("POST", "/v1/echo", nested(1, "types", nested(DEPTH - 2, "nested", {})), 200),
    "a deep struct": ("POST", "/v1/echo", {"types": {"struct": nested(DEPTH - 2, "a", 1)}}, 200),
    "a deep list": ("POST", "/v1/echo", {"types": {"listValue": json.loads("[" * 18 + "]" * 18)}}, 200),
    "a long mask": ("GET", "/v1/shelves/1/books/2?fields=" + ",".join(["name"] * 3000), None, 200),
    "a deep mask": ("GET", "/v1/shelves/1/books/2?fields=" + "titles." + "a." * 3000 + "b", None, 400),
    "a mask of brackets": ("GET", "/v1/shelves/1/books/2?fields=titles" + "(a" * 3000, None, 400),
    "a long wrong member": ("POST", "/v1/echo", {"k" * 100_000: 1}, 400),
    "many members": ("POST", "/v1/echo:types", {"stringMap": {str(n): "v" for n in range(50_000)}}, 200),
    "a large number": ("POST", "/v1/echo", b'{"types":{"int64Value":' + b"9" * 4000 + b"}}", 400),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTREMES)
async def test_the_edge_of_a_limit_is_no_fault_of_ours(name):
    method, target, body, status = EXTREMES[name]
    answer = await call(library(), method, target, body, {"content-type": "application/json"})
    assert answer.status == status, answer.body[:300]
    assert len(answer.body) < 2_000_000
    if status >= 400:
        assert answer.json["error"]["code"] == status
        assert len(answer.json["error"]["message"]) < 1000
