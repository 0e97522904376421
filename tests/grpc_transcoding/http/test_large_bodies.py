"""Large bodies hold up nobody, and refusing one costs little more than reading it."""

import asyncio
import json

import pytest
from google.protobuf import json_format

from tests.grpc_transcoding.asgi_client import call

BOOK = "/v1/shelves/1/books/2"


async def test_large_bodies_and_replies_do_not_hold_up_other_calls(app, servicer):
    large = {"title": "x", "tags": ["tag"] * 200_000}
    posting = asyncio.ensure_future(call(app, "POST", "/v1/shelves/1/books", large))
    answered = 0
    while not posting.done():
        await asyncio.sleep(0)
        answered += (await call(app, "GET", BOOK)).status == 200
    answer = await posting
    assert answer.json == large
    # Without a thread, one call could be answered before the large one and one after it.
    assert answered > 5


async def test_a_large_body_that_is_wrong_is_refused_as_a_small_one(app):
    wrong = {"tags": ["tag"] * 50_000 + [3]}
    answer = await call(app, "POST", "/v1/shelves/1/books", wrong)
    assert answer.error == (400, "INVALID_ARGUMENT", "book.tags[50000] should be a string")


async def test_a_member_that_is_there_twice_is_found_at_the_cost_of_reading(app):
    # Looking for it member by member would take minutes.
    body = "{" + "".join(f'"{n}":0,' for n in range(200_000)) + '"a":0,"a":0}'
    headers = {"content-type": "application/json"}
    answer = await call(app, "POST", "/v1/shelves/1/books", body.encode(), headers)
    assert answer.error == (
        400,
        "INVALID_ARGUMENT",
        "the body is not JSON that means one thing: an object has the member 'a' twice",
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tags": [""] * 5000 + [3] + [""] * 5000}, "book.tags[5000] should be a string"),
        ({"titles": {**{str(n): "" for n in range(5000)}, "a": 3}}, "book.titles should be a map with keys and values of the declared types"),
    ],
    ids=["a list", "a map"],
)  # fmt: skip
async def test_what_is_wrong_in_many_is_found_in_few_tries(app, monkeypatch, body, message):
    tries = []
    parse = json_format.ParseDict
    monkeypatch.setattr(
        json_format, "ParseDict", lambda *args, **kwargs: tries.append(1) or parse(*args, **kwargs)
    )
    answer = await call(app, "POST", "/v1/shelves/1/books", body)
    assert answer.error == (400, "INVALID_ARGUMENT", message)
    assert len(tries) < 25


async def test_what_is_wrong_deep_down_is_not_read_again_for_each_level(app, monkeypatch):
    read = []
    parse = json_format.ParseDict

    def counting(value, *args, **kwargs):
        read.append(len(json.dumps(value)))
        return parse(value, *args, **kwargs)

    monkeypatch.setattr(json_format, "ParseDict", counting)
    types = {"strings": ["a"] * 1000, "int32Value": "x"}
    for _ in range(20):
        types = {"nested": types}
    answer = await call(app, "POST", "/v1/echo", {"types": types})
    assert answer.error[2].endswith("should be a 32-bit integer")
    assert sum(read) < 4 * read[0]
