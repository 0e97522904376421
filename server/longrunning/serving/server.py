"""A serving process, from its start to a clean stop."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from grpc_transcoding import ServiceConfigError
from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.app import App
from longrunning.serving.grpc_server import GrpcServer
from longrunning.serving.http_server import HttpServer
from longrunning.stores import StoreError, store_from_url

__all__ = ["Addresses", "StartupError", "run", "serve"]

_log = logging.getLogger(__name__)

_LEAVING_SECONDS = 1.0


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
    drain: float = 10.0,
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
        drain: how long calls, and then work, may take to finish at the stop, in seconds.
        ready: called once, when both ports are served.

    Raises:
        StartupError: an address, the store or a service file is not usable.
    """
    grpc_address, http_address = Address.parse(grpc, "--grpc"), Address.parse(http, "--http")
    stop = _stop_signal()
    operations = app.operations
    operations.drain_seconds = drain
    try:
        if store is not None:
            operations.store = store_from_url(store)
        transcoder = app.transcoder()
        grpc_server = GrpcServer(app)
        async with operations:
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


def run(
    app: App,
    *,
    grpc: str,
    http: str,
    store: str | None,
    drain: float,
    ready: Callable[[Addresses], None],
) -> None:
    """Runs `serve` on an event loop of its own, which ends with it.

    `asyncio.run` would wait for ever for a handler that swallows its cancellation.

    Raises:
        StartupError: see `serve`.
    """
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(
            serve(app, grpc=grpc, http=http, store=store, drain=drain, ready=ready)
        )
    finally:
        if left := asyncio.all_tasks(loop):
            for task in left:
                task.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=_LEAVING_SECONDS))
        if deaf := asyncio.all_tasks(loop):
            _log.warning("left %d tasks behind that do not heed their cancellation", len(deaf))
            for task in deaf:
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001 - said above
        loop.close()


def _stop_signal() -> asyncio.Event:
    """Returns an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed(number: int) -> None:
        if stop.is_set():
            _log.warning("stopping at once, at the second signal")
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heed, number)
    return stop
