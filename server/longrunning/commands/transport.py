"""How `lro serve` speaks to its callers: TLS, and what they may cost."""

import dataclasses
import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from longrunning.commands.failure import Failure

if TYPE_CHECKING:
    from longrunning.serving import CertificateFiles, TransportLimits

# ruff: noqa: PLC0415 - `lro --help` reads this module, only `lro serve` needs the server

_PANEL = "Transport"
_MESSAGE_BYTES = 4 * 1024 * 1024


class HttpServerName(enum.StrEnum):
    """The HTTP servers that there are to choose from."""

    UVICORN = "uvicorn"
    GRANIAN = "granian"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """The certificate of a server and the limits of its callers, as given on the command line."""

    http_server: Annotated[
        HttpServerName,
        typer.Option(
            help="What serves REST. granian has I/O threads beside Python's: more requests a "
            "second where a core is free; no TLS.",
            rich_help_panel=_PANEL,
        ),
    ] = HttpServerName.UVICORN
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_TLS_CERT",
            metavar="FILE",
            help="Speak TLS with this certificate (PEM), at all ports but that of the metrics. "
            "It may be replaced meanwhile.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    tls_key: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_TLS_KEY",
            metavar="FILE",
            help="The private key (PEM) of --tls-cert.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    tls_client_ca: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_TLS_CLIENT_CA",
            metavar="FILE",
            help="Let only clients in that have a certificate of these authorities (PEM).",
            rich_help_panel=_PANEL,
        ),
    ] = None
    max_message_bytes: Annotated[
        int,
        typer.Option(
            min=_MESSAGE_BYTES,
            metavar="BYTES",
            help="How large a gRPC message or an HTTP body may be.",
            rich_help_panel=_PANEL,
        ),
    ] = _MESSAGE_BYTES
    max_header_bytes: Annotated[
        int,
        typer.Option(
            min=1024,
            metavar="BYTES",
            help="How large the metadata of a call, or all HTTP headers, may be.",
            rich_help_panel=_PANEL,
        ),
    ] = 16 * 1024
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="How many connections each port takes.",
            rich_help_panel=_PANEL,
        ),
    ] = 20_000
    max_waiters: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="How many calls of WaitOperation may wait; further ones are answered at once.",
            rich_help_panel=_PANEL,
        ),
    ] = 10_000
    max_waiters_per_caller: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="The same, of one caller: a certificate, or else an address.",
            rich_help_panel=_PANEL,
        ),
    ] = 1_000

    def certificate(self) -> "CertificateFiles | None":
        """Returns where the certificate is; None for plaintext.

        Raises:
            Failure: one of the files is given without those that it needs.
        """
        from longrunning.serving import CertificateFiles

        if self.tls_cert and self.tls_key:
            return CertificateFiles(
                cert=self.tls_cert, key=self.tls_key, client_ca=self.tls_client_ca
            )
        if not self.tls_cert and not self.tls_key and not self.tls_client_ca:
            return None
        missing = [
            option
            for option, given in (("--tls-cert", self.tls_cert), ("--tls-key", self.tls_key))
            if not given
        ]
        raise Failure(f"TLS needs --tls-cert and --tls-key; {' and '.join(missing)} not given")

    def limits(self) -> "TransportLimits":
        """Returns the limits of callers."""
        from longrunning.serving import TransportLimits

        return TransportLimits(
            message_bytes=self.max_message_bytes,
            header_bytes=self.max_header_bytes,
            connections=self.max_connections,
            waiters=self.max_waiters,
            waiters_per_caller=self.max_waiters_per_caller,
        )
