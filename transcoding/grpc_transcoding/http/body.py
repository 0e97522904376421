"""Reading a request's body, and noticing that its sender went away."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from grpc_transcoding.calls.outcome import ClientGoneError
from grpc_transcoding.errors import TranscodingError
from grpc_transcoding.http.asgi import Receive


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
            event = await self._receive()
            if event["type"] != "http.request":
                raise ClientGoneError
            self._is_complete = not event.get("more_body", False)
            if part := event.get("body", b""):
                yield part

    async def wait_for_disconnect(self) -> None:
        """Returns when the client is gone; what is left of the body is dropped."""
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
