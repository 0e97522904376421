"""The PEM files that say who a server is and whom it lets in, read and checked.

gRPC takes any bytes as a certificate and fails later, so the `ssl` module reads the files first.
"""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from longrunning.serving.addresses import StartupError

_CERT, _KEY, _CLIENT_CA = "--tls-cert", "--tls-key", "--tls-client-ca"
_ATTEMPTS = 3
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH")
_NOT_YET_VALID, _EXPIRED = 9, 10  # of X509_V_ERR_CERT_NOT_YET_VALID and its like


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What the files hold, PEM: all of it that gRPC needs.

    Attributes:
        chain: the server's certificate, and those between it and its authority.
        key: its private key.
        client_ca: who signs the certificates of clients; None asks clients for none.
    """

    chain: bytes
    key: bytes
    client_ca: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that was seen to work.

    Attributes:
        content: of its files.
        context: what the `ssl` module makes of it: TLS 1.2 or newer, HTTP/1.1.
        expires: when it does, in seconds since the Unix epoch.
    """

    content: Content
    context: ssl.SSLContext
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """Where the certificate of a server is.

    Attributes:
        cert: the server's certificate, and those between it and its authority.
        key: its private key, without a password.
        client_ca: the authorities whose certificates clients have to show; None asks for none.
    """

    cert: Path
    key: Path
    client_ca: Path | None = None

    def content(self) -> Content:
        """Returns what the files hold now.

        Raises:
            StartupError: one cannot be read.
        """
        return Content(
            chain=_read(_CERT, self.cert),
            key=_read(_KEY, self.key),
            client_ca=_read(_CLIENT_CA, self.client_ca) if self.client_ca else None,
        )

    def certificate(self) -> Certificate:
        """Returns the certificate, once it is known to work.

        Raises:
            StartupError: a file cannot be read, or holds something else, or the key does not
                belong to the certificate, or it is not valid now.
        """
        for _ in range(_ATTEMPTS):
            content, fault = self.content(), None
            try:
                certificate = self._check(content)
            except StartupError as error:
                fault = error
            if self.content() != content:
                continue  # `ssl` reads the files by itself, and they were replaced meanwhile
            if fault:
                raise fault
            return certificate
        raise StartupError(f"{_CERT} {self.cert} changes while it is read")

    def _check(self, content: Content) -> Certificate:
        anchors = self._anchors(content.chain)
        context = self._context(content.key)
        try:
            expires = _try_handshake(context, anchors)
        except ssl.SSLCertVerificationError as error:
            raise StartupError(f"{_CERT} {self.cert} {_why(error)}") from None
        except ssl.SSLError as error:
            reason = error.reason or "unknown error"
            raise StartupError(f"{_CERT} {self.cert} does not work: {reason}") from None
        if content.client_ca is not None:
            self._ask_clients(context, content.client_ca)
        return Certificate(content=content, context=context, expires=expires)

    def _anchors(self, chain: bytes) -> ssl.SSLContext:
        """Returns the context of a client that trusts the server's certificate itself."""
        if b"-----BEGIN CERTIFICATE-----" not in chain:
            raise StartupError(
                f"{_CERT} {self.cert} holds no certificate in PEM form "
                "(-----BEGIN CERTIFICATE-----)"
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=chain.decode("ascii", errors="ignore"))
        except (ssl.SSLError, ValueError):
            raise StartupError(
                f"{_CERT} {self.cert} holds a damaged certificate: expected PEM"
            ) from None
        return context

    def _context(self, key: bytes) -> ssl.SSLContext:
        """Returns the context of a server with the certificate."""
        if b"PRIVATE KEY-----" not in key:
            raise StartupError(
                f"{_KEY} {self.key} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"
            )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        except _PasswordError:
            raise StartupError(
                f"{_KEY} {self.key} is encrypted: it is needed without a password"
            ) from None
        except OSError as error:  # ssl.SSLError is one
            if isinstance(error, ssl.SSLError) and error.reason in _MISMATCHES:
                raise StartupError(
                    f"{_KEY} {self.key} is not the private key of the certificate in "
                    f"{_CERT} {self.cert}"
                ) from None
            raise StartupError(
                f"{_KEY} {self.key} holds a damaged private key: expected PEM"
            ) from None
        return context

    def _ask_clients(self, context: ssl.SSLContext, authorities: bytes) -> None:
        try:
            context.load_verify_locations(cadata=authorities.decode("ascii", errors="ignore"))
        except (ssl.SSLError, ValueError):
            raise StartupError(
                f"{_CLIENT_CA} {self.client_ca} holds no certificate in PEM form "
                "(-----BEGIN CERTIFICATE-----)"
            ) from None
        ends = [str(known["notAfter"]) for known in context.get_ca_certs()]
        if ends and all(ssl.cert_time_to_seconds(end) < time.time() for end in ends):
            raise StartupError(
                f"{_CLIENT_CA} {self.client_ca} expired at {ends[-1]}: no client could come in"
            )
        context.verify_mode = ssl.CERT_REQUIRED


class _PasswordError(Exception):
    """A password is asked for."""


def _no_password() -> NoReturn:
    raise _PasswordError


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise StartupError(f"{option} {path} cannot be read: {reason}") from None


def _try_handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> float:
    """Lets two contexts meet in memory; returns when the server's certificate expires.

    Raises:
        ssl.SSLError: they do not agree.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_side=False),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
            if not end.server_side:
                known = end.getpeercert() or {}
    return ssl.cert_time_to_seconds(str(known["notAfter"]))


def _why(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "has expired: renew it"
    if error.verify_code == _NOT_YET_VALID:
        return "is not valid yet: wait for its time, or set the clock right"
    return f"does not work: {error.verify_message}"
