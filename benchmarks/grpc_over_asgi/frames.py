"""The frames of the gRPC wire protocol: a flag, a length of four bytes, a message.

Spec: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message;
the codes of what is wrong with them are those of statuscodes.md beside it.
"""

import zlib
from collections.abc import AsyncIterator, Iterator

import grpc

from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.http.asgi import Headers

_HEAD = 5
_GZIP = 16 + zlib.MAX_WBITS
ACCEPTED = b"identity,gzip"


def framed(message: bytes) -> bytes:
    """Returns a message in its frame, not compressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


class Frames:
    """Cuts the body of a request into messages.

    Args:
        headers: of the request; Grpc-Encoding says how messages are compressed.
        limit: how many bytes a message may have, compressed or not.
    """

    def __init__(self, headers: Headers, limit: int) -> None:
        self._headers = headers
        self._limit = limit
        self._buffer = b""

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Takes what has arrived, and yields the messages that are whole.

        Raises:
            CallFailure: one is too large, or compressed in a way that is not accepted.
        """
        buffer = self._buffer + part if self._buffer else part
        begin = 0
        while len(buffer) - begin >= _HEAD:
            length = int.from_bytes(buffer[begin + 1 : begin + _HEAD], "big")
            if length > self._limit:
                raise self._too_large(length)
            end = begin + _HEAD + length
            if len(buffer) < end:
                break
            message = buffer[begin + _HEAD : end]
            yield self._decompressed(message) if buffer[begin] else message
            begin = end
        self._buffer = buffer[begin:]

    def only(self, body: bytes) -> bytes:
        """Returns the one message of a whole body.

        Raises:
            CallFailure: it holds none, or more, or as `feed`.
        """
        messages = list(self.feed(body))
        if len(messages) != 1 or self._buffer:
            raise CallFailure(
                grpc.StatusCode.UNIMPLEMENTED,
                f"The method takes one message, the request holds {len(messages)}"
                + (" and part of one." if self._buffer else "."),
            )
        return messages[0]

    async def each(self, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yields the messages of a body as they arrive.

        Raises:
            CallFailure: the last one is cut off, or as `feed`.
        """
        async for part in parts:
            for message in self.feed(part):
                yield message
        if self._buffer:
            raise CallFailure(grpc.StatusCode.INTERNAL, "The last message is cut off.")

    def _decompressed(self, message: bytes) -> bytes:
        encoding = dict(self._headers).get(b"grpc-encoding", b"identity")
        if encoding != b"gzip":
            known = encoding == b"identity"
            raise CallFailure(
                grpc.StatusCode.INTERNAL if known else grpc.StatusCode.UNIMPLEMENTED,
                "A message is compressed in a way that is not accepted: expected gzip.",
            )
        try:
            whole = zlib.decompressobj(_GZIP).decompress(message, self._limit + 1)
        except zlib.error:
            raise CallFailure(grpc.StatusCode.INTERNAL, "A message is no gzip.") from None
        if len(whole) > self._limit:
            raise self._too_large(len(whole))
        return whole

    def _too_large(self, length: int) -> CallFailure:
        return CallFailure(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"A message has {length} bytes or more, the limit is {self._limit}.",
        )
