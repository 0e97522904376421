"""The gRPC half of a serving process."""

from collections.abc import Iterable, Sequence
from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.app import App
from longrunning.serving.request_guard import RequestGuard
from longrunning.serving.tls import TLS
from longrunning.serving.transport_limits import DEFAULT_LIMITS, TransportLimits

_OPTIONS = (
    # Bursts of waiters exceed the core's own limits, which answer them with a bare CANCELLED.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 100_000),
)


class GrpcServer:
    """An app's servicers, with the health and reflection services beside them.

    Args:
        app: what is served.
        limits: of its connections and messages.
        innermost: interceptors behind those of the app.
        shared_ports: whether other processes of ours listen at its port, which is held for them.
    """

    def __init__(
        self,
        app: App,
        *,
        limits: TransportLimits = DEFAULT_LIMITS,
        innermost: Sequence[grpc.aio.ServerInterceptor] = (),
        shared_ports: bool = False,
    ) -> None:
        # Behind authentication: who has no token learns nothing of what is wrong with his request.
        own = app.own_interceptors
        guard = RequestGuard(app.operations.domain)
        interceptors = (*own, guard, *app.interceptors[len(own) :], *innermost)
        # Two servers must not share a port by accident.
        sharing = ("grpc.so_reuseport", int(shared_ports))
        self._shared_ports = shared_ports
        options = (*_OPTIONS, sharing, *limits.grpc_options)
        self._server = grpc.aio.server(interceptors=interceptors, options=options)
        recorder = _Recorder(self._server)
        app.add_to_server(recorder)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._services = [*recorder.services, health.SERVICE_NAME]
        reflection.enable_server_reflection(
            [*self._services, reflection.SERVICE_NAME], self._server
        )

    def bind(self, address: Address, tls: TLS | None = None) -> Address:
        """Listens; returns the address with its real port.

        Args:
            address: where.
            tls: the certificate; None speaks plaintext.

        Raises:
            StartupError: it cannot be listened on, or gRPC does not take the certificate.
        """
        if not self._shared_ports:
            # The core's own message names no reason, so a plain socket is asked first.
            address.listen("--grpc").close()
        try:
            if tls:
                port = self._server.add_secure_port(str(address), tls.grpc_credentials())
            else:
                port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            port = 0
        if not port and tls:
            raise StartupError(
                f"gRPC cannot listen on --grpc {address} with --tls-cert {tls.files.cert}: "
                "it takes RSA keys, and those of the curves P-256, P-384 and P-521"
            )
        if not port:
            raise address.unusable("--grpc", None)
        return Address(address.host, port)

    async def start(self) -> None:
        """Begins to serve, and says so to whoever asks for its health."""
        await self._server.start()
        await self._tell(health_pb2.HealthCheckResponse.SERVING)

    async def leave(self) -> None:
        """Says that it is about to stop."""
        await self._tell(health_pb2.HealthCheckResponse.NOT_SERVING)

    async def stop(self, grace: float) -> None:
        """Takes no more calls, and lets those under way finish for `grace` seconds."""
        await self._server.stop(grace)

    async def _tell(self, status: int) -> None:
        for service in ("", *self._services):
            await self._health.set(service, status)


class _Recorder:
    """Hands servicers on to a server, and keeps the names of their services."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.services: list[str] = []

    def add_generic_rpc_handlers(self, generic_rpc_handlers: Iterable[Any]) -> None:
        handlers = tuple(generic_rpc_handlers)
        self.services += [
            handler.service_name() for handler in handlers if hasattr(handler, "service_name")
        ]
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:  # noqa: ANN401 - grpc's own
        self._server.add_registered_method_handlers(service, handlers)
