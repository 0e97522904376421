"""Responses that leave in one piece: uvicorn writes head and body apart, in a system call each."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle


class JoinedWrites:
    """The transport of an HTTP connection, as far as its protocol uses it.

    The head of a response that says how long its body is waits for the first part of that body.

    Args:
        transport: where all of it goes.
        protocol: knows the response that is being written.
    """

    __slots__ = (
        "_begun",
        "_head",
        "_protocol",
        "_transport",
        "_write",
        "abort",
        "get_extra_info",
        "get_protocol",
        "is_closing",
        "set_protocol",
    )

    def __init__(self, transport: asyncio.Transport, protocol: "HttpToolsProtocol") -> None:
        self._transport = transport
        self._protocol = protocol
        self._head = b""
        self._begun: RequestResponseCycle | None = None
        self._write = transport.write
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.get_protocol = transport.get_protocol
        self.is_closing = transport.is_closing
        self.set_protocol = transport.set_protocol

    def write(self, data: bytes) -> None:
        """Writes data now, or with what comes next."""
        if self._head:
            data, self._head = self._head + data, b""
        elif self._is_head():
            self._head = data
            return
        self._write(data)

    def close(self) -> None:
        """Closes the connection once everything is written."""
        if self._head:
            self._write(self._head)
        self._transport.close()

    def _is_head(self) -> bool:
        """Whether what is being written is a head that a body follows."""
        cycle = self._protocol.cycle
        if cycle is None or cycle is self._begun or not cycle.expected_content_length:
            return False
        self._begun = cycle  # what is left of its length after a part does not make that a head
        return cycle.scope["method"] != "HEAD"
