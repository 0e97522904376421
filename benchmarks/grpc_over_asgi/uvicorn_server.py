"""uvicorn with HTTP/2, mended in two places for gRPC.

    python -m benchmarks.grpc_over_asgi.uvicorn_server MODULE:APP PORT [--as-it-is]

uvicorn writes the head, the body and the trailers of a reply by themselves, each with a system
call: here they are gathered, with those of other replies, until the loop has run what was ready.

zttp ends a connection without warning at its 4,097th stream, and what is under way fails: here the
client is told before that to open another one (GOAWAY), and what is under way ends well.

`--as-it-is` has neither, to compare.
"""

import asyncio
import sys
from typing import Any, cast

import uvicorn
import zttp
from uvicorn.protocols.http import auto_zttp_impl
from uvicorn.protocols.http.auto_zttp_impl import AutoZttpProtocol
from uvicorn.protocols.http.zttp_h2_impl import ZttpH2Protocol

# zttp allows 4,096, and 128 at a time: so many may be on their way when the client is told.
MAX_STREAMS = 4096 - 2 * 128
_LINGER_SECONDS = 1.0


class GatheringTransport:
    """A transport that gathers what is written until the loop has run what was ready.

    Args:
        transport: writes it.
        loop: that of the transport.

    Attributes:
        linger: for how many seconds the client may close the connection before we do. What it still
            sends to a socket that is closed would take from it what it has not read: the GOAWAY.
    """

    linger = 0.0

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._gathered: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a transport has
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Keeps some bytes for the next write."""
        if not self._gathered:
            self._loop.call_soon(self._flush)
        self._gathered.append(data)

    def close(self) -> None:
        """Closes the connection once everything is written."""
        self._flush()
        if self.linger:
            self._loop.call_later(self.linger, self._transport.close)
        else:
            self._transport.close()

    def _flush(self) -> None:
        if self._gathered:
            gathered = b"".join(self._gathered)
            self._gathered.clear()
            self._transport.write(gathered)


class PassingProtocol(ZttpH2Protocol):
    """HTTP/2 that asks its client for a new connection before zttp ends this one."""

    _streams = 0

    def handle_request(self, event: zttp.Request) -> None:
        """Begins to answer a request."""
        self._streams += 1
        super().handle_request(event)
        if self._streams == MAX_STREAMS:
            self.conn.close()
            cast("GatheringTransport", self.transport).linger = _LINGER_SECONDS
            self.shutdown_requested = True  # uvicorn closes it behind the last reply


class GatheringProtocol(AutoZttpProtocol):
    """HTTP/1.1 or HTTP/2, as the client begins, on a transport that gathers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins a connection."""
        super().connection_made(GatheringTransport(transport, self.loop))  # type: ignore[arg-type]


def main(app: str, port: int, *, as_it_is: bool) -> None:
    """Serves an application on the loopback interface."""
    if not as_it_is:
        auto_zttp_impl.ZttpH2Protocol = PassingProtocol  # type: ignore[misc]
    uvicorn.run(
        app,
        port=port,
        http="zttp" if as_it_is else GatheringProtocol,
        http2=as_it_is,  # a class of our own knows by itself
        ws="none",
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), as_it_is="--as-it-is" in sys.argv[3:])
