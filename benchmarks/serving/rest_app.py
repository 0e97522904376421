"""The REST face of the measured app alone, for any ASGI server.

    BENCH_STORE=sqlite:///operations.db granian --interface asgi benchmarks.serving.rest_app:serve

`lro serve` has uvicorn and gRPC in one process; this tells what each of them costs.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.serving.served_app import app
from longrunning.stores import store_from_url

app.operations.store = store_from_url(os.environ["BENCH_STORE"])
_transcoder = app.transcoder()


async def serve(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "http":
        return await _transcoder(scope, receive, send)
    assert scope["type"] == "lifespan"
    await receive()
    async with app.operations:
        await send({"type": "lifespan.startup.complete"})
        await receive()
    return await send({"type": "lifespan.shutdown.complete"})
