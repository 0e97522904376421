"""What a request knows of itself is not known to the next one of its connection."""

from contextvars import ContextVar
from typing import Any

from tests.longrunning.serving.connections import connected

whose: ContextVar[str] = ContextVar("whose", default="nobody's")
REQUEST = b"GET /%b HTTP/1.1\r\nhost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says whose request it is before it makes it its own."""
    body = whose.get().encode()
    whose.set(scope["path"])
    await receive()  # lets the connection be read on
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def test_requests_of_a_connection_share_no_context() -> None:
    async with connected(app) as (reader, writer):
        # Two at once, so that the connection is not read on until one of them says so.
        for sent, replies in ((REQUEST % b"a" + REQUEST % b"b", 2), (REQUEST % b"c", 1)):
            writer.write(sent)
            for _ in range(replies):
                await reader.readuntil(b"\r\n\r\n")
                assert await reader.readexactly(len("nobody's")) == b"nobody's"
