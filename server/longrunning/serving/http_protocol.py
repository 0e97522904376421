"""uvicorn's HTTP/1.1, with bounds that it has none of: on heads, on slowness, on connections.

Spec: RFC 9112; RFC 6585, section 5 (431); ASGI's TLS extension; AIP-193
"""

import asyncio
import contextvars
import json
import ssl
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from longrunning.serving.joined_writes import JoinedWrites
from longrunning.serving.request_parser import RequestParser
from longrunning.serving.transport_limits import TransportLimits

_TARGET_BYTES = 32 * 1024  # of a request line, above what a transcoder takes


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection.

    What arrives is looked at as it comes: a head that is too long or too slow, and a body that
    stops, end the connection long before an application sees them.

    Args:
        limits: how long, how slow, and how many.
        domain: the `ErrorInfo.domain` of refusals.
        options: uvicorn's own.
    """

    parser: RequestParser

    def __init__(self, *, limits: TransportLimits, domain: str, **options: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**options)
        self.parser = RequestParser(self)
        self._limits = limits
        self._domain = domain
        self._in_head = self._in_body = False
        self._taken = False  # whether the last bytes ended a head or a request, or were of a body
        self._is_told_again = False  # whether the last head was one that its parser will tell again
        self._head_bytes = 0
        self._heard_at = 0.0
        self._clock: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._tls: dict[str, Any] | None = None
        self._answered: RequestResponseCycle | None = None  # `cycle` is the last that has come
        # On plain asyncio a request that lets us read on hands its own context to what is read
        # then (python/cpython#140947), and so, say, its caller to the next one.
        self._context = contextvars.copy_context()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins; the first request has to come soon."""
        super().connection_made(cast("asyncio.Transport", transport))
        self.transport = cast("asyncio.Transport", JoinedWrites(self.transport, self))
        if len(self.connections) > self._limits.connections:
            self.transport.abort()
            return
        if (connection := transport.get_extra_info("ssl_object")) is not None:
            self._tls = _tls_of(connection)
        self._watch(self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._unwatch()
        if self._idle is not None:
            self._idle.cancel()
        answered = self._answered
        if answered is not None and not answered.response_complete:
            answered.disconnected = True  # uvicorn tells the last one only
            answered.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what has come."""
        self._heard_at = self.loop.time()
        self._taken = False
        self._context.run(super().data_received, data)
        is_gone = self.transport.is_closing() or self.transport.get_protocol() is not self
        is_between = self._taken and not self._in_head and not self._in_body
        if is_gone or is_between:
            self._unwatch()
            return
        if not self._taken:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.header_bytes + _TARGET_BYTES:
                self._refuse()
                return
        if self._clock is None:
            limits = self._limits
            self._watch(limits.pause_seconds if self._in_body else limits.head_seconds)

    def on_message_begin(self) -> None:
        """Notes that a request begins."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        if self._tls is not None:
            cast("dict[str, Any]", self.scope)["extensions"] = {"tls": self._tls}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keeps a header; what stands behind a body in pieces is none."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hands a request on."""
        self._in_head, self._in_body, self._head_bytes = False, True, 0
        self._taken = True
        self._unwatch()
        self._is_told_again = self.parser.is_upgrade
        if self._is_told_again:
            return
        if b"://" in self.url and not self.url.startswith(b"/"):
            self._heed_target()
        super().on_headers_complete()
        if not self.pipeline:
            self._answered = self.cycle
        elif len(self.pipeline) == 1:
            # uvicorn reads no more until it is begun, and would not notice that a client has gone
            # whose call waits.
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        """Takes a part of a body."""
        self._taken, self._head_bytes = True, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Notes that a request is whole."""
        self._taken, self._in_body = True, False
        if not self._is_told_again:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Begins the next request, if it is there, or waits for it.

        uvicorn sets a timer here and takes it back at the next request; this one looks after all
        of them, since most connections ask again long before it ends.
        """
        if self.pipeline:
            self._answered, _ = self.pipeline[-1]
            self._context.run(super().on_response_complete)
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._idle_since = self.loop.time()
        if self._idle is None:
            self._idle = self.loop.call_later(self.timeout_keep_alive, self._look_at_idleness)

    def _look_at_idleness(self) -> None:
        """Ends a connection that has asked for nothing for long."""
        self._idle = None
        if self._in_head or self._is_answering():
            return  # when that is answered, time begins anew
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._idle = self.loop.call_later(left, self._look_at_idleness)
        else:
            self.timeout_keep_alive_handler()

    def _heed_target(self) -> None:
        """Lets the host of a target that is a whole URL stand in for that of `Host`.

        Spec: RFC 9112, section 3.2.2
        """
        try:
            target = httptools.parse_url(self.url)
        except httptools.HttpParserInvalidURLError:
            return  # which is refused as it is
        host = b"[%b]" % target.host if b":" in target.host else target.host
        if target.port is not None:
            host += b":%d" % target.port
        hosts = sum(name == b"host" for name, _ in self.headers)
        self.headers[:] = [header for header in self.headers if header[0] != b"host"]
        # As many as there were: that they are too many is for the application to refuse.
        self.headers += [(b"host", host)] * max(hosts, 1)

    def _watch(self, seconds: float) -> None:
        self._clock = self.loop.call_later(seconds, self._look)

    def _unwatch(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look(self) -> None:
        """Ends a connection that is too slow."""
        self._clock = None
        if self._in_body:
            left = self._heard_at + self._limits.pause_seconds - self.loop.time()
            if self.flow.read_paused or self.pipeline:  # it is the application that is slow
                left = self._limits.pause_seconds
            if left > 0:
                self._watch(left)
                return
        elif not self._in_head and self._is_answering():
            return  # stray bytes behind a request; the connection is idle when that is answered
        self.transport.abort()

    def _refuse(self) -> None:
        """Ends a connection whose head is too long."""
        self._unwatch()
        if not self._is_answering():
            limit = str(self._limits.header_bytes)
            info = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "HEADERS_TOO_LARGE",
                "domain": self._domain,
                "metadata": {"limit": limit},
            }
            error = {
                "code": 431,
                "message": f"the headers are longer than {limit} bytes",
                "status": "INVALID_ARGUMENT",
                "details": [info],
            }
            body = json.dumps({"error": error}).encode()
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                b"content-type: application/json\r\n"
                b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)
            )
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def _tls_of(connection: ssl.SSLObject) -> dict[str, Any]:
    """Returns what ASGI's TLS extension tells of a connection."""
    shown = connection.getpeercert(binary_form=True)
    name = None
    if shown:
        known = cast("dict[str, Any]", connection.getpeercert() or {})
        # RFC 4514 begins with the innermost name.
        name = ",".join(
            f"{_NAMES.get(key, key)}={_escaped(value)}"
            for part in reversed(known.get("subject", ()))
            for key, value in part
        )
    return {
        "server_cert": None,
        "client_cert_chain": [ssl.DER_cert_to_PEM_cert(shown)] if shown else [],
        "client_cert_name": name,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(connection.version() or ""),
        "cipher_suite": None,
    }


def _escaped(value: str) -> str:
    return "".join(f"\\{char}" if char in ',+"\\<>;=#' else char for char in value)


_VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
_NAMES = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
}
