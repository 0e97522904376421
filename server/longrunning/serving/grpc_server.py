"""The gRPC half of a serving process."""

from collections.abc import Sequence

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.app import AddToServer, App
from longrunning.serving.request_guard import RequestGuard
from longrunning.serving.rpc_handlers import RpcHandlers
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
        handlers = RpcHandlers()
        app.add_to_server(handlers)
        self._health = health.aio.HealthServicer()
        add_health: AddToServer = health_pb2_grpc.add_HealthServicer_to_server
        add_health(self._health, handlers)
        self._services = handlers.services
        names = (*self._services, reflection.SERVICE_NAME)
        add_reflection: AddToServer = reflection_pb2_grpc.add_ServerReflectionServicer_to_server
        add_reflection(reflection.aio.ReflectionServicer(names), handlers)
        self._server = handlers.server(interceptors, (*_OPTIONS, sharing, *limits.grpc_options))

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
