"""A serving process, from its start to a clean stop."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from grpc_transcoding import ServiceConfigError
from longrunning.engines import Engine
from longrunning.serving import process
from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.app import App
from longrunning.serving.grpc_server import GrpcServer
from longrunning.serving.http_server import HttpServer
from longrunning.serving.metrics_server import serving_metrics
from longrunning.stores import StoreError, store_from_url

__all__ = ["Addresses", "StartupError", "serve"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where a process serves, with real ports, and where its operations are."""

    grpc: str
    http: str
    store: str


async def serve(
    app: App,
    *,
    grpc: str = "127.0.0.1:50051",
    http: str = "127.0.0.1:8080",
    store: str | None = None,
    engine: Engine | None = None,
    drain: float = 10.0,
    metrics: str | None = None,
    ready: Callable[[Addresses], None],
) -> None:
    """Serves an app over gRPC and HTTP until SIGTERM or SIGINT, and then stops cleanly.

    A clean stop answers those who wait, lets calls and work under way finish, interrupts what is
    left, and closes the store.

    Args:
        app: what to serve.
        grpc: where gRPC listens, `HOST:PORT`; port 0 takes a free one.
        http: where REST listens.
        store: the URL of a store to use in place of the app's own.
        engine: runs the work in place of the app's own.
        drain: how long calls, and then work, may take to finish at the stop, in seconds.
        metrics: where Prometheus finds metrics, `HOST:PORT`; None for nowhere.
        ready: called once, when both ports are served.

    Raises:
        StartupError: an address, the store or a service file is not usable.
    """
    grpc_address, http_address = Address.parse(grpc, "--grpc"), Address.parse(http, "--http")
    stop = process.stop_signal()
    operations = app.operations
    operations.drain_seconds = drain
    if engine is not None:
        operations.engine = engine
    try:
        if store is not None:
            operations.store = store_from_url(store)
        transcoder = app.transcoder()
        grpc_server = GrpcServer(app)
        async with serving_metrics(operations, metrics), operations:
            bound = grpc_server.bind(grpc_address)
            listener = http_address.listen("--http")
            http_server = HttpServer(transcoder, listener, grace=drain)
            await grpc_server.start()
            await http_server.start()
            ready(
                Addresses(
                    grpc=str(bound),
                    http=str(Address(http_address.host, listener.getsockname()[1])),
                    store=operations.store.url,
                )
            )
            await stop.wait()
            await grpc_server.leave()
            operations.answer_waiters()
            await asyncio.gather(grpc_server.stop(drain), http_server.stop())
    except StoreError as error:
        raise StartupError(f"the store cannot be opened: {error}") from None
    except ServiceConfigError as error:
        raise StartupError("; ".join(map(str, error.faults))) from None
