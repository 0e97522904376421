"""Which server, and as whom: the options that every command for operations shares."""

import dataclasses
import ipaddress
import re
from pathlib import Path
from typing import Annotated

import typer

from longrunning.commands.checks import utf8
from longrunning.commands.failure import Failure

_PANEL = "Connection"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the server is and how to speak to it, as given on the command line."""

    address: Annotated[
        str,
        typer.Option(
            envvar="LRO_ADDRESS",
            metavar="HOST:PORT",
            callback=utf8,
            help="The server's gRPC address.",
            rich_help_panel=_PANEL,
        ),
    ] = "localhost:50051"
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_TOKEN_FILE",
            metavar="FILE",
            help="A file with a bearer token; sent over TLS or to this machine only.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    tls: Annotated[
        bool,
        typer.Option(
            "--tls",
            envvar="LRO_TLS",
            help="Speak TLS and trust the public certificate authorities.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    ca: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_CA",
            metavar="FILE",
            help="Speak TLS and trust the certificates of this PEM file.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    cert: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_CERT",
            metavar="FILE",
            help="Our own certificate (PEM) for mutual TLS, with --key.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    key: Annotated[
        Path | None,
        typer.Option(
            envvar="LRO_KEY",
            metavar="FILE",
            help="The private key (PEM) of --cert.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    @property
    def secure(self) -> bool:
        """Whether the channel speaks TLS."""
        return self.tls or self.ca is not None or self.cert is not None or self.key is not None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A host and a port, or a Unix socket, as gRPC takes it.

    Attributes:
        target: `host:port`, `[ipv6]:port` or `unix:path`.
        loopback: whether only this machine can be at the other end.
    """

    target: str
    loopback: bool

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.

        Raises:
            Failure: the text is none of them.
        """
        if text.startswith("unix:") and len(text) > len("unix:"):
            return cls(target=text, loopback=True)
        if "://" in text:
            raise Failure(
                f"--address {text!r} is a URL; lro speaks gRPC and takes HOST:PORT, "
                "such as localhost:50051"
            )
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", text)
        if match is None or not 0 < int(match[2]) < 65536:
            raise Failure(
                f"--address {text!r} is not HOST:PORT, such as localhost:50051 or [::1]:50051"
            )
        return cls(target=text, loopback=_is_loopback(match[1].strip("[]")))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
