"""One ASGI application for gRPC and REST: the content type of a request says which it is."""

import asyncio
from collections.abc import Awaitable

from benchmarks.grpc_over_asgi.service import GrpcService
from grpc_transcoding.http.asgi import ASGIApp, Event, Receive, Scope, Send

_TYPES = frozenset({b"application/grpc", b"application/grpc+proto"})


class OnePort:
    """Hands gRPC calls to one application, and everything else to another.

    Args:
        grpc: answers gRPC calls.
        rest: answers everything else, the lifespan included.
    """

    def __init__(self, grpc: GrpcService, rest: ASGIApp) -> None:
        self.grpc = grpc
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one ASGI connection."""
        receive = _steady(receive)
        if scope["type"] != "http" or scope["method"] != "POST" or not _is_grpc(scope):
            await self._rest(scope, receive, send)
        elif _has_trailers(scope):
            await self.grpc(scope, receive, send)
        else:
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 505, "headers": headers})
            body = b"gRPC needs HTTP/2, and a server with trailers."
            await send({"type": "http.response.body", "body": body})


def _steady(receive: Receive) -> Receive:
    """Returns a channel that may be cancelled while it waits, as a call that ends does with it.

    uvicorn and hypercorn hand out coroutines; pyvoy an awaitable of its own, which keeps the reply
    from being sent while a task waits for it, and fails once that task was cancelled.
    """

    def received() -> Awaitable[Event]:
        event = receive()
        return event if asyncio.iscoroutine(event) else asyncio.shield(event)

    return received


def _has_trailers(scope: Scope) -> bool:
    # Some servers have them in HTTP/1.1 as well, where no client of gRPC looks for them.
    extensions = scope.get("extensions") or {}
    return "http.response.trailers" in extensions and not scope["http_version"].startswith("1")


def _is_grpc(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"content-type":
            return value.partition(b";")[0].strip().lower() in _TYPES
    return False
