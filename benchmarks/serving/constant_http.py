"""An ASGI application that answers everything with the same bytes."""

from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.serving.constant import JSON

_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(JSON))],
}
_BODY = {"type": "http.response.body", "body": JSON}


async def serve(
    scope: dict[str, Any],
    _receive: object,
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    assert scope["type"] == "http"
    await send(_START)
    await send(_BODY)
