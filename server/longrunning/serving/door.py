"""One door of a serving process: an app behind a gRPC port and an HTTP port of its own."""

import asyncio
from dataclasses import dataclass

from longrunning.serving import http_servers
from longrunning.serving.addresses import Address
from longrunning.serving.app import App
from longrunning.serving.grpc_server import GrpcServer
from longrunning.serving.http_servers import HttpServerKind
from longrunning.serving.ports import HTTP
from longrunning.serving.tls import TLS
from longrunning.serving.transport_limits import DEFAULT_LIMITS, TransportLimits
from longrunning.serving.wait_limit import WaitLimit


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorAddress:
    """Where a door is, with real ports.

    Attributes:
        service: the name of its service, "" for the door that shows everything.
        grpc: where gRPC listens, `HOST:PORT`.
        http: where REST listens, `HOST:PORT`.
    """

    service: str
    grpc: str
    http: str


class Door:
    """Serves one app; its operations are opened and closed by whoever serves all doors.

    Args:
        app: what is served.
        limits: of its connections, messages and waiters.
        waits: counts the waiters of all doors; None counts those of this one.
        tls: the certificate of both ports; None speaks plaintext.
        shared_ports: whether other processes of ours listen at them, which are held for all.
        http_server: serves REST.

    Raises:
        ServiceConfigError: a service file of the app has a fault.
    """

    def __init__(
        self,
        app: App,
        *,
        limits: TransportLimits = DEFAULT_LIMITS,
        waits: WaitLimit | None = None,
        tls: TLS | None = None,
        shared_ports: bool = False,
        http_server: HttpServerKind = HttpServerKind.UVICORN,
    ) -> None:
        innermost = (waits or WaitLimit(limits),)
        self.service_name = app.service_name
        self.transcoder = app.transcoder(limits=limits.of_requests, innermost=innermost)
        self._grpc = GrpcServer(app, limits=limits, innermost=innermost, shared_ports=shared_ports)
        self._shared_ports, self._http_server = shared_ports, http_server
        self._domain, self._limits, self._tls = app.operations.domain, limits, tls

    def bind(self, grpc: Address, http: Address, *, grace: float) -> DoorAddress:
        """Takes its two ports, and returns them; nobody is answered yet.

        Args:
            grpc: where gRPC is to listen.
            http: where REST is to listen.
            grace: how long calls under way may take at the stop, in seconds.

        Raises:
            StartupError: an address cannot be listened on.
        """
        bound = self._grpc.bind(grpc, self._tls)
        self._http, http_bound = http_servers.bind(
            self._http_server,
            self.transcoder,
            http,
            HTTP,
            grace=grace,
            domain=self._domain,
            limits=self._limits,
            tls=self._tls,
            shared_ports=self._shared_ports,
        )
        return DoorAddress(service=self.service_name, grpc=str(bound), http=str(http_bound))

    async def open(self) -> None:
        """Begins to serve."""
        await self._grpc.start()
        await self._http.start()

    async def leave(self) -> None:
        """Says that it is about to close."""
        await self._grpc.leave()

    async def close(self, grace: float) -> None:
        """Takes no more calls, and lets those under way finish for `grace` seconds."""
        await asyncio.gather(self._grpc.stop(grace), self._http.stop())
