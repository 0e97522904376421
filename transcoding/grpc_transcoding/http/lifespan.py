"""ASGI's lifespan events.

Spec: https://asgi.readthedocs.io/en/latest/specs/lifespan.html.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from grpc_transcoding.http.asgi import Receive, Scope, Send

_log = logging.getLogger("grpc_transcoding")


async def run_lifespan(  # noqa: PLR0917 - the last three are how ASGI calls
    app: object,
    load: Callable[[], Awaitable[None]],
    lifespan: Callable[[Any], AbstractAsyncContextManager[Any]] | None,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Builds the application and keeps its lifespan open until the server stops.

    A failure to start is logged and told to the server, which then ends.

    Args:
        app: What the lifespan is called with.
        load: Builds the application, and checks it.
        lifespan: As Starlette's argument of that name; a mapping that it yields becomes the state.
        scope: Of the connection.
        receive: Of the connection.
        send: Of the connection.
    """
    has_started = False
    await receive()
    try:
        await load()
        async with lifespan(app) if lifespan else nullcontext() as state:
            if isinstance(state, dict) and "state" in scope:
                scope["state"].update(state)
            await send({"type": "lifespan.startup.complete"})
            has_started = True
            await receive()
    except Exception as error:
        _log.exception("the lifespan failed")
        phase = "shutdown" if has_started else "startup"
        await send({"type": f"lifespan.{phase}.failed", "message": str(error)})
        raise
    await send({"type": "lifespan.shutdown.complete"})
