"""The messages of a streamed request: the elements of a JSON array, or one JSON value per line.

Each is handed on as soon as it has arrived. Path and query hold for every one of them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from google.protobuf.message import Message

from grpc_transcoding.errors import TranscodingError, invalid_argument
from grpc_transcoding.http.body import BodyReader, body_too_large
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.threads import off_the_loop
from grpc_transcoding.limits import Limits
from grpc_transcoding.messages.request_body import check_json_type, check_not_encoded

_STRUCTURE = re.compile(rb'["\\\[\]{},\n]')
_SPACE = b" \t\r\n"


async def read_messages(
    endpoint: Endpoint,
    captures: tuple[tuple[str, str], ...],
    parameters: list[tuple[str, str]],
    body: BodyReader,
    *,
    limits: Limits,
    content_type: bytes | None,
    content_encoding: bytes | None,
) -> AsyncIterator[Message]:
    """Yields the request messages of a body as they arrive.

    Raises:
        TranscodingError: One of them is not what the method takes; it says which one.
        ClientGoneError: The client disconnected before the end.
    """
    if endpoint.body.is_http_body:
        check_not_encoded(content_encoding)
        async for part in body.parts():
            request = endpoint.request_of(captures, parameters, None, has_body=False)
            endpoint.body.merge_http_body(content_type, part, request)
            yield request
        return
    splitter = JsonSplitter(limits.body_bytes)
    count = 0
    async for part in body.parts():
        check_json_type(content_type, content_encoding, takes_lines=True)
        for text in splitter.feed(part):
            count += 1
            yield await _message(endpoint, captures, parameters, text, count)
    for text in splitter.end():
        count += 1
        yield await _message(endpoint, captures, parameters, text, count)


async def _message(
    endpoint: Endpoint,
    captures: tuple[tuple[str, str], ...],
    parameters: list[tuple[str, str]],
    text: bytes,
    number: int,
) -> Message:
    def parsed() -> Message:
        value = endpoint.body.load(text)
        return endpoint.request_of(captures, parameters, value, has_body=True)

    try:
        return await off_the_loop(len(text), parsed)
    except TranscodingError as error:
        error.message = f"message {number} of the body: {error.message}"
        error.metadata["message"] = str(number)
        raise


class JsonSplitter:
    """Cuts a stream of bytes into JSON values, without parsing them.

    Args:
        limit: How many bytes one value may have.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._scanned = 0
        self._depth = 0
        self._in_string = False
        self._is_array: bool | None = None
        self._is_closed = False
        self._is_separated = True
        self._has_values = False

    def feed(self, part: bytes) -> Iterator[bytes]:
        """Takes what has arrived, and yields the values that are complete.

        Raises:
            TranscodingError: A value is too long, or something follows the array.
        """
        self._buffer += part
        if self._is_array is None and not self._begin():
            return
        start = 0
        while found := _STRUCTURE.search(self._buffer, self._scanned):
            at, character = found.start(), found.group()
            self._scanned = at + 1
            if self._in_string:
                if character == b"\\":
                    if at + 1 == len(self._buffer):
                        self._scanned = at  # what is escaped has not arrived
                        break
                    self._scanned = at + 2
                elif character == b'"':
                    self._in_string = False
            elif character == b'"':
                self._in_string = True
            elif character in b"[{":
                self._depth += 1
            elif self._depth:
                self._depth -= character in b"]}"
                if not self._depth:  # an object or array is whole: nobody waits for what follows
                    self._check_separated()
                    self._is_separated = False
                    yield self._cut(start, at + 1)
                    start = self._scanned
            elif self._ends_value(character):
                value = self._cut(start, at)
                start = self._scanned
                if value.strip(_SPACE) or (self._is_separated and self._needs_value(character)):
                    yield value
                self._is_separated = True
                self._has_values = True
        else:
            self._scanned = len(self._buffer)
        del self._buffer[:start]
        self._scanned -= start
        self._check_length(len(self._buffer))
        if self._is_closed and self._buffer.strip(_SPACE):
            raise invalid_argument("something follows the array in the body", reason="INVALID_JSON")

    def end(self) -> Iterator[bytes]:
        """Yields the last line, if it had no end.

        Raises:
            TranscodingError: An array is not closed.
        """
        if self._is_array and not self._is_closed:
            raise invalid_argument("the array in the body is not closed", reason="INVALID_JSON")
        if not self._is_array and self._buffer.strip(_SPACE):
            yield bytes(self._buffer)

    def _begin(self) -> bool:
        self._buffer = self._buffer.lstrip(_SPACE)
        if not self._buffer:
            return False
        self._is_array = self._buffer[:1] == b"["
        if self._is_array:
            del self._buffer[:1]
        return True

    def _cut(self, start: int, end: int) -> bytes:
        self._check_length(end - start)
        return bytes(self._buffer[start:end])

    def _check_length(self, length: int) -> None:
        if length > self._limit:
            raise body_too_large(self._limit)

    def _needs_value(self, character: bytes) -> bool:
        """Whether there must be a value before a comma, or before the bracket behind a comma."""
        return character == b"," or (character == b"]" and self._has_values)

    def _check_separated(self) -> None:
        if self._is_array and not self._is_separated:
            raise invalid_argument("a comma is missing in the body's array", reason="INVALID_JSON")

    def _ends_value(self, character: bytes) -> bool:
        if self._is_closed:
            return False
        if not self._is_array:
            return character == b"\n"
        if character == b"]":
            self._is_closed = True
            return True
        return character == b","
