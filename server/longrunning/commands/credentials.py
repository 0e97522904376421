"""The files that say who we are and whom we trust, checked before the first byte is sent.

gRPC itself takes any bytes as a certificate and fails later, in the handshake, without a reason;
so the `ssl` module reads the files first and says which one is wrong.
"""

import re
import ssl
from pathlib import Path
from typing import NoReturn

import grpc

from longrunning.commands.connection import Address, Connection
from longrunning.commands.failure import Failure


def channel_credentials(connection: Connection) -> grpc.ChannelCredentials | None:
    """The TLS credentials that the options ask for, or None for plaintext.

    Raises:
        Failure: a file cannot be read or does not hold what its option wants.
    """
    if not connection.secure:
        return None
    roots = _trusted(connection.ca) if connection.ca else None
    if connection.cert is None and connection.key is None:
        return grpc.ssl_channel_credentials(roots)
    if connection.cert is None or connection.key is None:
        given, missing = ("--cert", "--key") if connection.cert else ("--key", "--cert")
        raise Failure(f"{given} is given without {missing}; mutual TLS needs both")
    chain, key = _key_pair(connection.cert, connection.key)
    return grpc.ssl_channel_credentials(roots, key, chain)


def bearer_token(connection: Connection) -> str | None:
    """The token of `--token-file`, or None when there is none.

    Raises:
        Failure: the file does not hold one token, or the token would travel in the clear.
    """
    if connection.token_file is None:
        return None
    if not connection.secure and not Address.parse(connection.address).loopback:
        raise Failure(
            f"the token is not sent to {connection.address} in plaintext; "
            "add --tls or --ca FILE (only an address of this machine may go without)"
        )
    token = _read("--token-file", connection.token_file).decode(errors="replace").strip()
    if not token:
        raise Failure(f"--token-file {connection.token_file} is empty; it should hold a token")
    if not re.fullmatch(r"[!-~]+", token):
        raise Failure(
            f"--token-file {connection.token_file} should hold one token and nothing else, "
            "without spaces or line breaks in it"
        )
    return token


def _trusted(path: Path) -> bytes:
    content = _read("--ca", path)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(
            cadata=content.decode("ascii", errors="ignore")
        )
    except (ssl.SSLError, ValueError):
        raise Failure(
            f"--ca {path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        ) from None
    return content


def _key_pair(cert: Path, key: Path) -> tuple[bytes, bytes]:
    chain, private = _read("--cert", cert), _read("--key", key)
    if b"-----BEGIN CERTIFICATE-----" not in chain:
        raise Failure(f"--cert {cert} holds no certificate in PEM form")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert, key, password=_no_password)
    except Failure:
        raise Failure(f"--key {key} is encrypted; gRPC needs it without a password") from None
    except (ssl.SSLError, ValueError):
        raise Failure(
            f"--key {key} is not the private key (PEM) of the certificate in {cert}"
        ) from None
    return chain, private


def _no_password() -> NoReturn:
    raise Failure("a password is asked for")


def _read(option: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"{option} {path} cannot be read: {error.strerror}") from None
