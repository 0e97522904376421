"""What one connection does with requests that come in unusual ways."""

import asyncio
from typing import Any

import pytest

from tests.longrunning.serving.connections import connected

GET = b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n"
UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and the body."""
    body, more = scope["path"].encode() + b" ", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    body = b"<%b>" % body
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def post(path: bytes, body: bytes, headers: bytes = UPGRADE) -> tuple[bytes, bytes]:
    head = b"POST %b HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n"
    return head % (path, headers, len(body)), body


@pytest.mark.parametrize(
    ("sent", "bodies"),
    [
        pytest.param([b"".join(post(b"/a", b"body"))], [b"</a body>"], id="with its body"),
        pytest.param(post(b"/a", b"body"), [b"</a body>"], id="before its body"),
        pytest.param(post(b"/a", GET), [b"</a " + GET + b">"], id="a body like a request"),
        pytest.param(
            [b"".join(post(b"/a", b"one")) + b"".join(post(b"/b", b"two")) + GET],
            [b"</a one>", b"</b two>", b"</x >"],
            id="others behind it",
        ),
        pytest.param(
            [
                b"POST /a HTTP/1.1\r\nhost: x\r\n" + UPGRADE,
                b"transfer-encoding: chunked\r\n\r\n2\r\nbo\r\n",
                b"2\r\ndy\r\n0\r\n\r\n" + GET,
            ],
            [b"</a body>", b"</x >"],
            id="a body in pieces",
        ),
    ],
)
async def test_a_request_that_asks_for_another_protocol_is_one_like_any_other(
    sent: list[bytes], bodies: list[bytes]
) -> None:
    async with connected(echo) as (reader, writer):
        for part in sent:
            writer.write(part)
            await asyncio.sleep(0.02)  # so that they come apart
        for body in bodies:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readuntil(b">") == body


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /a HTTP/1.1\r\nconnection: close, upgrade\r\n",
        b"POST /a HTTP/1.1\r\nconnection: close\r\nconnection: upgrade\r\n",
        b"POST /a HTTP/1.0\r\nconnection: upgrade\r\n",
    ],
)
async def test_so_is_one_that_is_the_last_of_its_connection(sent: bytes) -> None:
    async with connected(echo) as (reader, writer):
        writer.write(sent + b"host: x\r\nupgrade: h2c\r\ncontent-length: 4\r\n\r\nbody" + GET)
        received = await reader.read()
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.endswith(b"\r\n\r\n</a body>")


async def test_no_tunnel_is_made() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("behind", [[], [GET], [b"", GET], [GET[:10]]])
async def test_a_call_that_waits_hears_that_its_client_is_gone(behind: list[bytes]) -> None:
    waits, gone = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        waits.set()
        if (await receive())["type"] == "http.disconnect" and scope["path"] == "/first":
            gone.set()

    async with connected(app) as (_, writer):
        first, *later = behind or [b""]
        writer.write(GET.replace(b"/x", b"/first") + first)
        await waits.wait()
        for part in later:
            writer.write(part)
        writer.close()
        await gone.wait()
