"""The HTTP half of a serving process: uvicorn, without a will of its own about signals."""

import asyncio
import contextlib
import functools
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

import uvicorn

from longrunning.serving.http_protocol import HttpProtocol
from longrunning.serving.tls import TLS
from longrunning.serving.transport_limits import DEFAULT_LIMITS, TransportLimits

Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
Application = Callable[[Event, Receive, Send], Awaitable[None]]
"""ASGI's own types."""


class HttpServer(uvicorn.Server):
    """Serves an ASGI application, such as a transcoder, on a socket that is already bound.

    Args:
        application: what is served.
        listener: a listening socket; it is closed when the server stops.
        grace: how long requests under way may take when it stops, in seconds.
        domain: the `ErrorInfo.domain` of refusals.
        limits: of its connections.
        tls: the certificate; None speaks plain HTTP.
    """

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        *,
        grace: float,
        domain: str = "longrunning",
        limits: TransportLimits = DEFAULT_LIMITS,
        tls: TLS | None = None,
    ) -> None:
        config = uvicorn.Config(
            application,
            http=functools.partial(HttpProtocol, limits=limits, domain=domain),  # type: ignore[arg-type]  # it is called only
            ws="none",  # no method of ours has one
            lifespan="off",  # the operations are opened before and closed after it
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            # Whoever sends X-Forwarded-For is believed only if we are told so; uvicorn would
            # believe all of this machine, and look for the header in each request.
            proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
            timeout_graceful_shutdown=max(1, round(grace)),
            timeout_keep_alive=limits.idle_seconds,
        )
        config.load()
        config.ssl = tls.http_context if tls else None
        super().__init__(config)
        self._listener = listener
        self._ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process: uvicorn would raise them again, and gRPC never stop."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to serve, and says so."""
        await super().startup(sockets)
        self._ready.set()

    async def start(self) -> None:
        """Begins to serve in the background."""
        self._serving = asyncio.create_task(self.serve([self._listener]))
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait([self._serving, ready], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()

    async def stop(self) -> None:
        """Takes no more requests, and lets those under way finish."""
        self.should_exit = True
        await self._serving
