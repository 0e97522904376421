"""Where a process listens, alone or beside others that share its ports."""

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from longrunning.serving.addresses import Address, StartupError

GRPC, HTTP, HTTP_BY_HOST = "--grpc", "--http", "--http-by-host"
"""The options that say where; errors name them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The addresses of a serving process.

    Attributes:
        grpc: where gRPC listens, for each app.
        http: where REST listens, for each app.
        http_by_host: the HTTP port of all services together; None if there is none.
        shared: whether processes listen there together, by SO_REUSEPORT; the ports are real then.
    """

    grpc: tuple[Address, ...]
    http: tuple[Address, ...]
    http_by_host: Address | None
    shared: bool = False

    @classmethod
    def parse(cls, *, grpc: str, http: str, http_by_host: str | None, apps: int) -> "Ports":
        """Reads the first ones, `HOST:PORT` each, and counts on from there.

        Raises:
            StartupError: one is no address, or there are not enough ports behind it.
        """
        first_grpc, first_http = Address.parse(grpc, GRPC), Address.parse(http, HTTP)
        return cls(
            grpc=tuple(first_grpc.after(number, GRPC) for number in range(apps)),
            http=tuple(first_http.after(number, HTTP) for number in range(apps)),
            http_by_host=Address.parse(http_by_host, HTTP_BY_HOST) if http_by_host else None,
        )

    def by_option(self) -> Mapping[str, Address]:
        """Returns the first address that each option names."""
        firsts = {GRPC: self.grpc[0], HTTP: self.http[0], HTTP_BY_HOST: self.http_by_host}
        return {option: address for option, address in firsts.items() if address}

    @contextlib.contextmanager
    def held(self) -> Iterator["Ports"]:
        """Keeps the ports for processes that are to share them, for as long as it is entered.

        Yields:
            The real ports, to be given to these processes.

        Raises:
            StartupError: an address is in use, or not one of this machine; or this is not Linux,
                where alone connections are spread over the processes.
        """
        if sys.platform != "linux":
            raise StartupError("processes share their ports on Linux only: serve with one")
        with contextlib.ExitStack() as holders:

            def hold(address: Address, option: str) -> Address:
                holder = holders.enter_context(address.hold(option))
                return Address(address.host, holder.getsockname()[1])

            yield dataclasses.replace(
                self,
                grpc=tuple(hold(address, GRPC) for address in self.grpc),
                http=tuple(hold(address, HTTP) for address in self.http),
                http_by_host=self.http_by_host and hold(self.http_by_host, HTTP_BY_HOST),
                shared=True,
            )
