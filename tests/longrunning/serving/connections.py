"""Connections of clients that know no manners."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from longrunning.serving.http_protocol import HttpProtocol
from longrunning.serving.transport_limits import DEFAULT_LIMITS


class Received(asyncio.Protocol):
    """Keeps what comes, also of a connection that is reset behind it.

    Attributes:
        data: what has come.
        ended: done when the connection is closed.
    """

    def __init__(self) -> None:
        self.data = b""
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def exchange(address: str, *sent: bytes) -> bytes:
    """Sends bytes and returns all that comes until the connection is closed."""
    host, _, port = address.rpartition(":")
    transport, received = await asyncio.get_running_loop().create_connection(
        Received, host, int(port)
    )
    for part in sent:
        transport.write(part)
    try:
        await asyncio.wait_for(received.ended, 20)
    finally:
        transport.close()
    return received.data


async def slow_body(address: str) -> bytes:
    """Returns the answer to a body that takes three seconds, but keeps coming: to cancel `x`."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\ncontent-length: 62\r\n")
    writer.write(b"connection: close\r\n\r\n{")
    for _ in range(60):
        await asyncio.sleep(0.05)
        writer.write(b" ")
    writer.write(b"}")
    received = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    return received


async def trickle(address: str, begin: bytes, each: bytes) -> float:
    """Sends something again and again; returns after how many seconds the connection is closed."""
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    begun = loop.time()  # before the server's clock begins
    reader, writer = await asyncio.open_connection(host, int(port))

    async def send() -> None:
        writer.write(begin)
        while each:
            writer.write(each)
            await asyncio.sleep(0.02)

    sending = asyncio.create_task(send())
    with contextlib.suppress(ConnectionError):
        await asyncio.wait_for(reader.read(), 20)
    ended = loop.time() - begun
    sending.cancel()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return ended


@contextlib.asynccontextmanager
async def connected(
    app: Any,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connects to an application behind the protocol alone."""
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, log_level="critical"
    )
    config.load()
    state = ServerState()

    def protocol() -> HttpProtocol:
        return HttpProtocol(
            limits=DEFAULT_LIMITS, domain="tests", config=config, server_state=state, app_state={}
        )

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    try:
        async with asyncio.timeout(30):
            yield reader, writer
    finally:
        writer.close()
        server.close()
        await server.wait_closed()
