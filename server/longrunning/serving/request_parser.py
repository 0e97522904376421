"""A parser of HTTP requests that are answered by HTTP/1.1, whatever else they ask for."""

from typing import Protocol

import httptools


class Parsed(Protocol):
    """What a parser tells of a request, as far as it is looked at here.

    Attributes:
        url: as it was sent.
        headers: those of the request, in order.
    """

    url: bytes
    headers: list[tuple[bytes, bytes]]


class RequestParser(httptools.HttpRequestParser):
    """httptools' parser, for a server that takes up no other protocol.

    httptools takes what follows a head with `Upgrade` for the other protocol, and tells of no body.
    A server may ignore that header, and the request is then one like any other: Java's own client
    asks for h2c with the first request of each connection, whatever is in that.

    Args:
        protocol: is called back.

    Spec: RFC 9110, section 7.8
    """

    def __init__(self, protocol: Parsed) -> None:
        self._protocol = protocol
        self._begin()

    @property
    def is_upgrade(self) -> bool:
        """Whether the head that was just read will be told again, without `Upgrade`."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # a transport has bytes
        """Parses what has come.

        Raises:
            httptools.HttpParserError: it is no request.
            httptools.HttpParserUpgrade: a tunnel is asked for (CONNECT).
        """
        while True:
            try:
                super().feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if not self.is_upgrade:
                    raise
                (offset,) = upgrade.args
                data = self._head() + data[offset:]
                self._begin()  # behind a last request it would read nothing, not even that again
            else:
                return

    def _begin(self) -> None:
        super().__init__(self._protocol)
        # What comes behind a request with `Connection: close` is nobody's, and no fault.
        self.set_dangerous_leniencies(lenient_data_after_close=True)

    def _head(self) -> bytes:
        """Returns the head that was just read, without `Upgrade`."""
        version = self.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.get_method(), self._protocol.url, version)]
        lines += [b"%b: %b" % one for one in self._protocol.headers if one[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])
