"""An `App` behind one port, for any ASGI server with HTTP/2 trailers.

    ONE_PORT_STORE=sqlite:///operations.db python -m uvicorn \\
        --http zttp --http2 benchmarks.grpc_over_asgi.served_app:serve

Variables of the environment:
    ONE_PORT_APP: the app, `module:name`; by default one with google.longrunning.Operations alone.
    ONE_PORT_STORE: the URL of its store; by default the app's own, or memory.
"""

import importlib
import os

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from benchmarks.grpc_over_asgi.one_port import OnePort
from benchmarks.grpc_over_asgi.service import GrpcService
from grpc_transcoding.http.asgi import Receive, Scope, Send
from longrunning import App, MemoryStore, Operations
from longrunning.serving.transport_limits import DEFAULT_LIMITS
from longrunning.serving.wait_limit import WaitLimit
from longrunning.stores import store_from_url


def one_port(app: App) -> tuple[OnePort, health.aio.HealthServicer]:
    """Returns an app's servicers over gRPC and REST, and who says that they are well."""
    waits = WaitLimit(DEFAULT_LIMITS)
    limits = DEFAULT_LIMITS.of_requests
    grpc = GrpcService(interceptors=(*app.interceptors, waits), limits=limits)
    app.add_to_server(grpc)
    healthy = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, grpc)
    reflection.enable_server_reflection([*grpc.service_names, reflection.SERVICE_NAME], grpc)
    grpc.build()
    return OnePort(grpc, app.transcoder(limits=limits, innermost=(waits,))), healthy


def _app() -> App:
    module, _, name = os.environ.get("ONE_PORT_APP", "").partition(":")
    if module:
        app: App = getattr(importlib.import_module(module), name)
    else:
        app = App(Operations(MemoryStore(), max_page_size=1000))
    if url := os.environ.get("ONE_PORT_STORE"):
        app.operations.store = store_from_url(url)
    return app


_served: App = _app()
_port, _healthy = one_port(_served)


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers requests, and opens the operations for as long as the server lives."""
    if scope["type"] == "http":
        return await _port(scope, receive, send)
    assert scope["type"] == "lifespan"
    await receive()
    async with _served.operations:
        for name in ("", *_port.grpc.service_names):
            await _healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
        await send({"type": "lifespan.startup.complete"})
        await receive()
    return await send({"type": "lifespan.shutdown.complete"})
