"""A serving process, from its start to a clean stop."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grpc_transcoding import ServiceConfigError
from longrunning.engines import Engine
from longrunning.serving import http_servers, process
from longrunning.serving.addresses import StartupError
from longrunning.serving.app import App, shared_operations
from longrunning.serving.by_host import ByHost
from longrunning.serving.certificate_files import CertificateFiles
from longrunning.serving.door import Door, DoorAddress
from longrunning.serving.http_servers import HttpServerKind
from longrunning.serving.metrics_server import serving_metrics
from longrunning.serving.openness import check_openness
from longrunning.serving.ports import HTTP_BY_HOST, Ports
from longrunning.serving.tls import TLS
from longrunning.serving.transport_limits import DEFAULT_LIMITS, TransportLimits
from longrunning.serving.wait_limit import WaitLimit
from longrunning.stores import StoreError, store_from_url

__all__ = ["Addresses", "StartupError", "serve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a process serves, with real ports, and where its operations are.

    Attributes:
        doors: of the apps, in their order.
        http_by_host: the HTTP port of all services together, None if there is none.
        store: the URL of the store.
        tls: whether all of them speak TLS.
    """

    doors: tuple[DoorAddress, ...]
    http_by_host: str | None
    store: str
    tls: bool = False


async def serve(
    apps: Sequence[App],
    *,
    grpc: str = "127.0.0.1:50051",
    http: str = "127.0.0.1:8080",
    http_by_host: str | None = None,
    store: str | None = None,
    engine: Engine | None = None,
    drain: float = 10.0,
    allow_unauthenticated: bool = False,
    metrics: str | None = None,
    certificate: CertificateFiles | None = None,
    limits: TransportLimits = DEFAULT_LIMITS,
    http_server: HttpServerKind = HttpServerKind.UVICORN,
    ports: Ports | None = None,
    stop: asyncio.Event | None = None,
    ready: Callable[[Addresses], None],
) -> None:
    """Serves apps over gRPC and HTTP until SIGTERM or SIGINT, and then stops cleanly.

    Each app is a door of its own: the first one listens at `grpc` and `http`, the others at the
    ports after these. They share their operations, which are opened once.

    A clean stop answers those who wait, lets calls and work under way finish, interrupts what is
    left, and closes the store.

    Args:
        apps: what to serve, all of the same `Operations`.
        grpc: where gRPC listens, `HOST:PORT`; port 0 takes free ones.
        http: where REST listens.
        http_by_host: one more port for REST, where the Host header chooses among the services.
        store: the URL of a store to use in place of the apps' own.
        engine: runs the work in place of the apps' own.
        drain: how long calls, and then work, may take to finish at the stop, in seconds.
        allow_unauthenticated: serve other machines too, though an app has no authenticator.
        metrics: where Prometheus finds metrics, `HOST:PORT`; None for nowhere.
        certificate: what all ports but that of the metrics speak TLS with; its files may be
            replaced meanwhile. None speaks plaintext.
        limits: of connections, messages and waiters.
        http_server: serves REST, at all HTTP ports.
        ports: where to listen, in place of `grpc`, `http` and `http_by_host`.
        stop: set to stop it without a signal; None if nobody does.
        ready: called once, when all ports are served.

    Raises:
        StartupError: an address, a certificate, the store or a service file is not usable, the
            apps do not belong together, or other machines could use them without a token.
    """
    operations = shared_operations(apps)
    if ports is None:
        ports = Ports.parse(grpc=grpc, http=http, http_by_host=http_by_host, apps=len(apps))
    check_openness(
        apps,
        ports.by_option(),
        allow_unauthenticated=allow_unauthenticated,
        asks_for_certificates=bool(certificate and certificate.client_ca),
    )
    http_server.check(has_tls=certificate is not None)
    stop = process.stop_signal(stop)
    operations.drain_seconds = drain
    if engine is not None:
        operations.engine = engine
    try:
        if store is not None:
            operations.store = store_from_url(store)
        tls = TLS(certificate) if certificate else None
        waits = WaitLimit(limits)
        doors = [
            Door(
                app,
                limits=limits,
                waits=waits,
                tls=tls,
                shared_ports=ports.shared,
                http_server=http_server,
            )
            for app in apps
        ]
        by_host = ByHost(doors, operations.domain) if ports.http_by_host else None
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(serving_metrics(operations, metrics))
            await stack.enter_async_context(operations)
            if tls:
                await stack.enter_async_context(tls.following())
            bound = [
                door.bind(grpc_at, http_at, grace=drain)
                for door, grpc_at, http_at in zip(doors, ports.grpc, ports.http, strict=True)
            ]
            shared, shared_at = None, None
            if ports.http_by_host and by_host:
                shared, shared_at = http_servers.bind(
                    http_server,
                    by_host,
                    ports.http_by_host,
                    HTTP_BY_HOST,
                    grace=drain,
                    domain=operations.domain,
                    limits=limits,
                    tls=tls,
                    shared_ports=ports.shared,
                )
            # All ports are taken before anybody is answered.
            for door in doors:
                await door.open()
            if shared:
                await shared.start()
            ready(
                Addresses(
                    doors=tuple(bound),
                    http_by_host=str(shared_at) if shared_at else None,
                    store=operations.store.url,
                    tls=tls is not None,
                )
            )
            await stop.wait()
            for door in doors:
                await door.leave()
            operations.answer_waiters()
            stopping = [door.close(drain) for door in doors]
            await asyncio.gather(*stopping, *([shared.stop()] if shared else []))
    except StoreError as error:
        raise StartupError(f"the store cannot be opened: {error}") from None
    except ServiceConfigError as error:
        raise StartupError("; ".join(map(str, error.faults))) from None
