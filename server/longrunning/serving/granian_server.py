"""The HTTP half of a serving process under granian, whose I/O is on threads of its own."""

import asyncio
import contextlib
import logging
import socket

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from longrunning.serving.http_server import Application, Event, Receive, Send
from longrunning.serving.transport_limits import DEFAULT_LIMITS, TransportLimits

_log = logging.getLogger(__name__)

_LEAVING_SECONDS = 1.0
_TOO_SLOW = {
    "type": "http.response.start",
    "status": 408,
    "headers": [(b"content-length", b"0"), (b"connection", b"close")],
}
_TARGET_BYTES = 32 * 1024  # of a request line, above what a transcoder takes


class GranianServer:
    """Serves an ASGI application, such as a transcoder, over plain HTTP/1.1.

    Args:
        application: what is served.
        holder: is bound where it is to listen, and keeps strangers away: granian shares ports with
            whoever shares them. It is closed when the server stops.
        grace: how long requests under way may take when it stops, in seconds.
        limits: of its connections.
    """

    def __init__(
        self,
        application: Application,
        holder: socket.socket,
        *,
        grace: float,
        limits: TransportLimits = DEFAULT_LIMITS,
    ) -> None:
        host, port = holder.getsockname()[:2]
        self._holder = holder
        self._application = application
        self._grace = grace
        self._pause_seconds = limits.pause_seconds
        self._calls: set[asyncio.Task[None]] = set()
        self._server = Server(
            self._answer,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            websockets=False,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(limits.head_seconds * 1000),
                max_buffer_size=limits.header_bytes + _TARGET_BYTES,
            ),
            backlog=2048,
            backpressure=limits.connections,
            # By default it replaces the handlers of logging, and writes to standard output.
            log_dictconfig={"incremental": True, "handlers": {}, "loggers": {}},
            log_level=LogLevels.error,
        )

    async def start(self) -> None:
        """Begins to serve in the background.

        Raises:
            RuntimeError: granian cannot.
        """
        begun = asyncio.Event()
        self._server.on_startup(begun.set)  # it listens by then
        self._serving = asyncio.create_task(self._server.serve())
        waiting = asyncio.create_task(begun.wait())
        await asyncio.wait([self._serving, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._serving.done():
            raise RuntimeError("granian ended as it began") from self._serving.exception()

    async def stop(self) -> None:
        """Takes no more requests, and lets those under way finish."""
        self._server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait([self._serving], timeout=max(1.0, self._grace))
        for call in self._calls:
            call.cancel()
        # A client that takes no answer holds it up for ever; what granian has left ends with us.
        _, left = await asyncio.wait([self._serving], timeout=_LEAVING_SECONDS)
        if left:
            _log.warning("left HTTP connections behind that their clients keep open")
            self._serving.cancel()
        self._holder.close()

    async def _answer(self, scope: Event, receive: Receive, send: Send) -> None:
        call = asyncio.current_task()
        assert call is not None
        self._calls.add(call)
        body_is_whole = is_too_slow = False

        async def receive_in_time() -> Event:
            nonlocal body_is_whole, is_too_slow
            if body_is_whole:
                return await receive()
            try:
                async with asyncio.timeout(self._pause_seconds):
                    event = await receive()
            except TimeoutError:
                is_too_slow = True
                return {"type": "http.disconnect"}
            body_is_whole = not event.get("more_body")
            return event

        try:
            await self._application(scope, receive_in_time, send)
            if is_too_slow:
                with contextlib.suppress(RuntimeError):  # an answer has begun all the same
                    await send(_TOO_SLOW)
                    await send({"type": "http.response.body", "body": b""})
        finally:
            self._calls.discard(call)
