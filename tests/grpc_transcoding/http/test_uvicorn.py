"""A real server: real clients, slow ones, and ones that go away."""

import asyncio
import json

import httpx
import pytest
import requests

from tests.grpc_transcoding.serving import serving

BOOK = "/v1/shelves/1/books/2"


@pytest.fixture(params=["h11", "httptools"])
async def address(request, app):
    async with serving(app, http=request.param) as address:
        yield address


@pytest.fixture
async def client(address):
    host, port = address
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=30) as client:
        yield client


async def read_answer(reader) -> tuple[int, dict]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    status = int(head.split(b" ", 2)[1])
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return status, json.loads(await reader.readexactly(length))


async def test_requests_and_httpx_are_answered(client, address):
    host, port = address
    url = f"http://{host}:{port}{BOOK}"
    answer = await asyncio.to_thread(requests.get, url, timeout=5)
    assert answer.json() == {"name": "shelves/1/books/2", "title": "Emma"}
    assert (await client.get(BOOK)).json() == answer.json()
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")


async def test_the_raw_path_reaches_the_router(client):
    answer = await client.get("/v1/drafts/a%2Fb/c%20d")
    assert answer.json()["name"] == "drafts/a%2Fb/c d"


async def test_streams_arrive_as_they_are_sent(client, servicer):
    url = "/v1/shelves/1/books/slow:read"
    async with client.stream("GET", url, headers={"accept": "application/x-ndjson"}) as answer:
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines)) == {"text": "page 1"}
        servicer.may_go_on.set()
        assert [json.loads(line)["text"] async for line in lines] == ["page 2", "page 3"]


async def test_a_client_that_disconnects_cancels_the_call(address, servicer):
    _, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /v1/shelves/1/books/wait HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(servicer.has_begun.wait(), 20)
    writer.close()
    await asyncio.wait_for(servicer.was_cancelled.wait(), 20)


async def test_a_client_that_leaves_a_stream_cancels_it(address, servicer):
    _, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /v1/shelves/1/books/slow:read HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(servicer.has_begun.wait(), 20)
    writer.close()
    await asyncio.wait_for(servicer.was_cancelled.wait(), 20)


async def test_a_slow_client_is_waited_for(address, servicer):
    reader, writer = await asyncio.open_connection(*address)
    body = b'{"title": "Emma"}'
    writer.write(
        b"POST /v1/shelves/1/books HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    for index in range(len(body)):
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(body[index : index + 1])
    assert await read_answer(reader) == (200, {"title": "Emma"})
    writer.close()


async def test_a_client_that_aborts_its_body_calls_nothing(address, client, servicer):
    _, writer = await asyncio.open_connection(*address)
    writer.write(b"POST /v1/shelves/1/books HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await client.get(BOOK)).status_code == 200
    assert [type(request).__name__ for request in servicer.requests] == ["GetBookRequest"]


async def test_a_body_without_a_length_is_read(address, servicer):
    reader, writer = await asyncio.open_connection(*address)
    writer.write(
        b"POST /v1/shelves/1/books HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'9\r\n{"title":\r\n7\r\n"Emma"}\r\n0\r\n\r\n'
    )
    assert await read_answer(reader) == (200, {"title": "Emma"})
    writer.close()


async def test_large_bodies_are_taken_up_to_the_limit(client, servicer):
    answer = await client.post("/v1/shelves/1/books", json={"title": "x" * 3_000_000})
    assert answer.status_code == 200
    assert len(answer.json()["title"]) == 3_000_000
    answer = await client.post("/v1/shelves/1/books", json={"title": "x" * 5_000_000})
    assert answer.status_code == 413
    assert answer.json()["error"]["message"] == "the body is longer than 4194304 bytes"
    assert (await client.get(BOOK)).status_code == 200


async def test_many_calls_at_once_are_each_answered(client):
    targets = [f"/v1/shelves/1/books/{n}" for n in range(200)]
    answers = await asyncio.gather(*(client.get(target) for target in targets))
    assert [a.json()["name"] for a in answers] == [target[4:] for target in targets]


async def test_a_get_with_the_type_of_json_is_answered(client):
    answer = await client.get(BOOK, headers={"content-type": "application/json"})
    assert answer.status_code == 200
