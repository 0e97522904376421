"""The HTTP servers that there are to choose from, each at a port that it is given."""

import enum
import socket
from typing import Protocol

from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.http_server import Application, HttpServer
from longrunning.serving.tls import TLS
from longrunning.serving.transport_limits import TransportLimits

OPTION = "--http-server"
"""What says which; errors name it."""


class HttpServerKind(enum.StrEnum):
    """Which HTTP server serves; see docs/transport.md for what granian does differently."""

    UVICORN = "uvicorn"
    GRANIAN = "granian"

    def check(self, *, has_tls: bool) -> None:
        """Refuses what it cannot do.

        Args:
            has_tls: whether it is to speak TLS.

        Raises:
            StartupError: it cannot, or is not installed.
        """
        if self is HttpServerKind.UVICORN:
            return
        if has_tls:
            raise StartupError(
                f"{OPTION} {self} neither takes up certificates that change nor says whose a "
                "client's is: serve TLS with uvicorn, or put a proxy that speaks it before this"
            )
        try:
            import granian  # noqa: F401, PLC0415 - an extra
        except ImportError:
            raise StartupError(
                f"{OPTION} {self} needs the extra '{self}': pip install 'longrunning[{self}]'"
            ) from None


class HttpServing(Protocol):
    """An HTTP server that has its port."""

    async def start(self) -> None:
        """Begins to serve in the background."""

    async def stop(self) -> None:
        """Takes no more requests, and lets those under way finish."""


def bind(
    kind: HttpServerKind,
    application: Application,
    address: Address,
    option: str,
    *,
    grace: float,
    domain: str,
    limits: TransportLimits,
    tls: TLS | None,
    shared_ports: bool,
) -> tuple[HttpServing, Address]:
    """Returns an HTTP server and the real address that it has taken; nobody is answered yet.

    Args:
        kind: which; it has been checked.
        application: what it serves.
        address: where.
        option: what says so.
        grace: how long requests under way may take when it stops, in seconds.
        domain: the `ErrorInfo.domain` of refusals.
        limits: of its connections.
        tls: the certificate; None speaks plain HTTP.
        shared_ports: whether other processes of ours listen there, at a port that is held.

    Raises:
        StartupError: the address cannot be listened on.
    """
    taken: socket.socket
    if kind is HttpServerKind.UVICORN:
        taken = address.listen(option, shared=shared_ports)
        server: HttpServing = HttpServer(
            application, taken, grace=grace, domain=domain, limits=limits, tls=tls
        )
    else:
        from longrunning.serving.granian_server import GranianServer  # noqa: PLC0415 - an extra

        # It listens by itself, and shares ports with whoever does, so one is held for it.
        taken = address.join(option) if shared_ports else address.hold(option)
        server = GranianServer(application, taken, grace=grace, limits=limits)
    return server, Address(address.host, taken.getsockname()[1])
