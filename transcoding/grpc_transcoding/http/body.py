"""Reading a request's body, and noticing that its sender went away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc

from grpc_transcoding.calls.outcome import ClientGoneError
from grpc_transcoding.errors import TranscodingError
from grpc_transcoding.http.asgi import Event, Receive

# How many parts of a streamed body may wait for a servicer that does not ask for them.
_READ_AHEAD = 16


class BodyReader:
    """The body of one request.

    Args:
        receive: The request's ASGI channel; nobody else may read it.
        limit: How many bytes a whole body may have.
    """

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._is_complete = False
        self._arrived: asyncio.Queue[Event] | None = None
        self._gone: asyncio.Event | None = None
        self._reading: asyncio.Task[None] | None = None

    def read_ahead(self) -> None:
        """Reads a little more than is asked for, so that a disconnect is noticed meanwhile.

        For streamed requests: a servicer may stop asking for more, and its client go away. After
        this, `close` has to be called.
        """
        self._arrived = asyncio.Queue(_READ_AHEAD)
        self._gone = asyncio.Event()
        self._reading = asyncio.get_running_loop().create_task(
            self._read(self._arrived, self._gone)
        )

    async def _read(self, arrived: asyncio.Queue[Event], gone: asyncio.Event) -> None:
        # A server whose channel fails has lost the client as well.
        with contextlib.suppress(Exception):
            while (event := await self._receive())["type"] == "http.request":
                await arrived.put(event)
        gone.set()

    def close(self) -> None:
        """Stops reading ahead."""
        if self._reading is not None:
            self._reading.cancel()

    async def whole(self) -> bytes:
        """Returns all of the body.

        Raises:
            TranscodingError: It is longer than the limit (413).
            ClientGoneError: The client disconnected before its end.
        """
        first = b""
        parts: list[bytes] = []
        size = 0
        async for part in self.parts():
            size += len(part)
            if size > self._limit:
                raise body_too_large(self._limit)
            if not first:
                first = part
            else:
                parts.append(part)
        return first + b"".join(parts) if parts else first

    async def parts(self) -> AsyncIterator[bytes]:
        """Yields the body as it arrives.

        Raises:
            ClientGoneError: The client disconnected before its end.
        """
        while not self._is_complete:
            event = await (self._receive() if self._arrived is None else self._arrived.get())
            if event["type"] != "http.request":
                raise ClientGoneError
            self._is_complete = not event.get("more_body", False)
            if part := event.get("body", b""):
                yield part

    async def wait_for_disconnect(self) -> None:
        """Returns when the client is gone; what is left of the body is dropped."""
        if self._gone is not None:
            await self._gone.wait()
            return
        while (await self._receive())["type"] != "http.disconnect":
            pass


def body_too_large(limit: int) -> TranscodingError:
    """Returns the refusal of a body."""
    return TranscodingError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"the body is longer than {limit} bytes",
        reason="BODY_TOO_LARGE",
        metadata={"limit": str(limit)},
        http_status=413,
    )
