"""The head of an HTTP request: method, raw path, query and headers, within limits."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote

import grpc

from grpc_transcoding.calls.metadata import Metadatum, from_headers
from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.http.asgi import Headers, Scope
from grpc_transcoding.limits import Limits
from grpc_transcoding.path_templates.percent import InvalidEscapeError, decode

# The headers that the transcoder itself acts on.
_LOOKED_AT = frozenset(
    {
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"grpc-timeout",
        b"transfer-encoding",
        b"x-goog-fieldmask",
        b"x-http-method-override",
        b"x-server-timeout",
    }
)
# Google's REST clients send it with every GET.
_OF_A_BODY = frozenset({b"content-type"})
_VERSIONS_WITH_LENGTHS = frozenset({"1.1", "1.0"})
# In a distinguished name of RFC 4514.
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:[^,+\\]|\\.)*)", re.IGNORECASE)
_SLASH = ord("/")
_METHOD = re.compile(r"[A-Z][A-Z0-9\-_]{0,31}\Z")


class RequestHead:
    """The head of one request.

    Attributes:
        method: The HTTP method in upper case, after X-HTTP-Method-Override.
        raw_path: The path under the mount, percent-encoded as it came.
        query: The raw query.
        headers: All of them, for the metadata.
        named: Those that the transcoder acts on.
        has_binary_metadata: Whether a header's name ends with `-bin`.
        further_metadata: What the query adds to the headers.
    """

    # Most requests leave these as they are.
    has_binary_metadata = False
    further_metadata: tuple[Metadatum, ...] = ()
    _metadata: tuple[Metadatum, ...] | None = None

    def __init__(self, scope: Scope, limits: Limits) -> None:
        self._scope = scope
        self.headers: Headers = scope["headers"]
        self.named: dict[bytes, bytes] = {}
        size = 0
        for name, value in self.headers:
            size += len(name) + len(value)
            if name in _LOOKED_AT:
                self.named[name] = value
            elif name.endswith(b"-bin"):
                self.has_binary_metadata = True
        if size > limits.header_bytes:
            raise _too_long(431, "headers", limits.header_bytes, "HEADERS_TOO_LARGE")
        self.query: bytes = scope.get("query_string", b"")
        if len(self.query) > limits.query_bytes:
            raise _too_long(414, "query", limits.query_bytes, "QUERY_TOO_LONG")
        self.raw_path = raw_path_of(scope)
        if len(self.raw_path) > limits.path_bytes:
            raise _too_long(414, "path", limits.path_bytes, "PATH_TOO_LONG")
        self.method: str = scope["method"].upper()
        if self.named and (override := self.named.get(b"x-http-method-override")) is not None:
            self.method = _overridden(self.method, override)

    @property
    def root_path(self) -> str:
        """The prefix under which the application is mounted."""
        return str(self._scope.get("root_path", ""))

    @property
    def is_bare(self) -> bool:
        """Whether nothing but method and path says what is to be done, if no body is taken."""
        return (
            (not self.named or self.named.keys() == _OF_A_BODY)
            and not self.query
            and not self.has_binary_metadata
            and self._scope.get("http_version") in _VERSIONS_WITH_LENGTHS
        )

    @property
    def accept(self) -> bytes | None:
        """The media types that the client takes, if it says so."""
        return next((value for name, value in self.headers if name == b"accept"), None)

    @property
    def has_body(self) -> bool:
        """Whether a body may follow; HTTP/1.1 says so in its headers, later versions do not."""
        named = self.named
        if named:
            length = named.get(b"content-length")
            if length is not None:
                return length != b"0"
            if b"transfer-encoding" in named:
                return True
        return self._scope.get("http_version") not in _VERSIONS_WITH_LENGTHS

    def parameters(self, limit: int) -> list[tuple[str, str]]:
        """Returns the query's parameters, decoded: `+` is a space.

        Raises:
            TranscodingError: There are more than `limit`, or one is not UTF-8.
        """
        parts = [part for part in self.query.split(b"&") if part]
        if len(parts) > limit:
            raise invalid_argument(
                f"the query holds {len(parts)} parameters, at most {limit} are taken",
                reason="TOO_MANY_QUERY_PARAMETERS",
                limit=str(limit),
            )
        parameters = []
        for part in parts:
            name, _, value = part.replace(b"+", b" ").partition(b"=")
            try:
                parameters.append((decode(name), decode(value)))
            except InvalidEscapeError:
                raise invalid_argument(
                    f"the query parameter {shortened(part.decode('latin-1'))!r} is not UTF-8",
                    reason="INVALID_QUERY_ENCODING",
                    parameter=shortened(part.decode("latin-1")),
                ) from None
        return parameters

    def metadata(self) -> tuple[Metadatum, ...]:
        """Returns the metadata that the request stands for; it is made when somebody asks for it.

        Who may call is asked of requests at fault, too: what `check_binary` refuses is left out.
        """
        if self._metadata is None:
            self._metadata = from_headers(self.headers) + self.further_metadata
        return self._metadata

    def peer(self) -> str:
        """Returns the caller's address as gRPC writes it."""
        client = self._scope.get("client")
        if not client:
            return "unknown:"
        host, port = client[0], client[1]
        if not port:
            # A socket of the machine; or what a proxy told, which mostly knows the address alone.
            try:
                ipaddress.ip_address(host)
            except ValueError:
                return f"unix:{host}" if "/" in str(host) else f"unknown:{host}"
        if ":" in host:
            return f"ipv6:%5B{host}%5D:{port or 0}"
        return f"ipv4:{host}:{port or 0}"

    def auth_context(self) -> dict[str, tuple[bytes, ...]]:
        """Returns what TLS says of the caller, under the names that gRPC uses.

        Spec: ASGI's TLS extension.
        """
        tls = (self._scope.get("extensions") or {}).get("tls")
        if not tls:
            return {}
        known: dict[str, tuple[bytes, ...]] = {"transport_security_type": (b"ssl",)}
        name = _COMMON_NAME.search(tls.get("client_cert_name") or "")
        if name:
            known["x509_common_name"] = (name[1].encode(),)
        if chain := tls.get("client_cert_chain"):
            known["x509_pem_cert"] = (chain[0].encode(),)
        return known


def raw_path_of(scope: Scope) -> bytes:
    """Returns the raw path of a request without the prefix under which the app is mounted.

    A mount tells its prefix, decoded, in `root_path`; servers and frameworks leave it in
    `raw_path`. The raw path is split where its decoded beginning is that prefix, so an encoded
    slash in an id stays encoded.

    Spec: ASGI, HTTP connection scope, `raw_path` and `root_path`.
    """
    raw = scope.get("raw_path")
    root = scope.get("root_path", "")
    if raw and not root and raw[0] == _SLASH and b"?" not in raw:
        return bytes(raw)  # as nearly always
    if raw is None:
        raw = quote(scope["path"], safe="/:@!$&'()*+,;=~").encode("ascii")
    if b"?" in raw:  # a server's mistake
        raw = raw.partition(b"?")[0]
    if root:
        root = root.rstrip("/")
        end = len(root.encode())
        if raw.startswith(root.encode()) and raw[end : end + 1] in {b"", b"/"}:
            raw = raw[end:]
        else:
            raw = _after_encoded(raw, root)
    return raw if raw.startswith(b"/") else b"/" + raw


def _after_encoded(raw: bytes, root: str) -> bytes:
    for end in [*(at for at, byte in enumerate(raw) if byte == _SLASH), len(raw)]:
        if unquote(raw[:end].decode("latin-1")) == root:
            return raw[end:]
    return raw  # a server that has taken the prefix off already


def _overridden(method: str, override: bytes) -> str:
    name = override.decode("latin-1").strip().upper()
    if method != "POST":
        raise invalid_argument(
            f"X-HTTP-Method-Override is taken with POST only, not with {shortened(method)}",
            reason="INVALID_METHOD_OVERRIDE",
        )
    if not _METHOD.match(name):
        raise invalid_argument(
            f"X-HTTP-Method-Override is {shortened(name)!r}, it should be an HTTP method",
            reason="INVALID_METHOD_OVERRIDE",
        )
    return name


def _too_long(http_status: int, what: str, limit: int, reason: str) -> TranscodingError:
    are = "are" if what == "headers" else "is"
    return TranscodingError(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"the {what} {are} longer than {limit} bytes",
        reason=reason,
        metadata={"limit": str(limit)},
        http_status=http_status,
    )
