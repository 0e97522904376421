"""Each response leaves in as few pieces as it may, and nothing of it stays behind."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from longrunning.serving.http_protocol import HttpProtocol
from longrunning.serving.transport_limits import DEFAULT_LIMITS

HEADS = {
    "sized": [(b"content-length", b"4")],
    "empty": [(b"content-length", b"0")],
    "streamed": [],
}


class Wire(asyncio.Transport):
    """Keeps each write by itself."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def connected(app: Any) -> tuple[HttpProtocol, Wire]:
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, log_level="critical"
    )
    config.load()
    protocol = HttpProtocol(
        limits=DEFAULT_LIMITS,
        domain="tests",
        config=config,
        server_state=ServerState(),
        app_state={},
    )
    wire = Wire()
    wire.set_protocol(protocol)
    protocol.connection_made(wire)
    return protocol, wire


def replying(head: str, *parts: bytes, between: Any = None) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = list(HEADS[head])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if between:
            await between()
        for number, part in enumerate(parts, 1):
            more = number < len(parts)
            await send({"type": "http.response.body", "body": part, "more_body": more})

    return app


async def asked(app: Any, method: str = "GET", times: int = 1) -> Wire:
    protocol, wire = connected(app)
    for _ in range(times):
        protocol.data_received(f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        for _ in range(5):
            await asyncio.sleep(0)
    return wire


async def test_head_and_body_are_one_write_of_each_response() -> None:
    wire = await asked(replying("sized", b"body"), times=3)
    assert len(wire.written) == 3
    for each in wire.written:
        assert each.startswith(b"HTTP/1.1 200 OK\r\n")
        assert each.endswith(b"content-length: 4\r\n\r\nbody")


@pytest.mark.parametrize(
    ("head", "method", "parts", "expected"),
    [
        ("sized", "HEAD", [b""], b"content-length: 4\r\n\r\n"),
        ("empty", "GET", [b""], b"content-length: 0\r\n\r\n"),
        ("sized", "GET", [b"bo", b"dy"], b"content-length: 4\r\n\r\nbody"),
        ("streamed", "GET", [b"bo", b"dy"], b"\r\n\r\n2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n"),
    ],
)
async def test_nothing_stays_behind(
    head: str, method: str, parts: list[bytes], expected: bytes
) -> None:
    wire = await asked(replying(head, *parts), method, times=2)
    whole = b"".join(wire.written)
    assert whole.count(b"HTTP/1.1 200 OK") == 2
    assert whole.endswith(expected)


async def test_the_head_of_a_stream_does_not_wait() -> None:
    wire = await asked(replying("streamed", between=asyncio.Event().wait))
    assert len(wire.written) == 1
    assert wire.written[0].endswith(b"transfer-encoding: chunked\r\n\r\n")


async def test_no_part_of_a_body_waits_for_the_next() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = list(HEADS["sized"])
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in (b"b", b"o"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.Event().wait()

    wire = await asked(app)
    assert b"".join(wire.written).endswith(b"content-length: 4\r\n\r\nbo")


async def test_what_an_application_leaves_undone_is_seen() -> None:
    async def fail() -> None:
        raise ValueError("halfway")

    wire = await asked(replying("sized", between=fail))
    assert wire.written[0].endswith(b"content-length: 4\r\n\r\n")
    assert wire.closed


async def test_what_is_no_request_is_answered() -> None:
    protocol, wire = connected(replying("sized", b"body"))
    protocol.data_received(b"what?\r\n\r\n")
    assert b"".join(wire.written).startswith(b"HTTP/1.1 400 Bad Request")
    assert wire.closed
