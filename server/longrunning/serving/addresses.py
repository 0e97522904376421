"""Where to listen."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from typing import Any

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>\d{1,5})")


class StartupError(Exception):
    """A server cannot start; the message is one line for whoever starts it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port, 0 for a free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str, option: str) -> "Address":
        """Reads `HOST:PORT` or `[IPV6]:PORT`.

        Raises:
            StartupError: it is neither.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > 65535:
            raise StartupError(
                f"{option} {text!r} is not an address: expected HOST:PORT, such as 127.0.0.1:8080"
            )
        return cls(match["v6"] or match["host"], int(match["port"]))

    def after(self, number: int, option: str) -> "Address":
        """Returns the address for what is `number` places behind the first door, or worker.

        Raises:
            StartupError: there are not that many ports.
        """
        if self.port and self.port + number > 65535:
            raise StartupError(
                f"{option} {self} leaves too few ports: {number + 1} are needed from there on; "
                "begin lower"
            )
        return Address(self.host, self.port + number if self.port else 0)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def is_loopback(self, option: str) -> bool:
        """Returns whether only this machine reaches it, by all that its host resolves to.

        Raises:
            StartupError: there is no such host.
        """
        return all(
            ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback
            for *_, where in self._resolved(option)
        )

    def listen(self, option: str, *, shared: bool = False) -> socket.socket:
        """Returns a listening TCP socket.

        Args:
            option: what says that address.
            shared: whether processes of ours listen there together, at a port that is held.

        Raises:
            StartupError: the address is in use, or not one of this machine.
        """
        family, kind, protocol, _, where = self._resolved(option)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind(where)
            listener.listen(2048)
        except OSError as error:
            listener.close()
            raise self.unusable(option, error.strerror) from None
        listener.setblocking(False)
        return listener

    def hold(self, option: str) -> socket.socket:
        """Returns a socket that keeps the port for processes of ours, which may listen there.

        Nothing reaches the socket itself. Whoever does not ask for SO_REUSEPORT, as another server
        does not, is told that the address is in use.

        Raises:
            StartupError: the address is in use, or not one of this machine.
        """
        with self.listen(option) as alone:  # so there are no strangers
            # From now on others may come in, but they have to be of our user, and the holder comes
            # first: there is no moment at which the port is nobody's.
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            where = alone.getsockname()
            return Address(where[0], where[1]).join(option)

    def join(self, option: str) -> socket.socket:
        """Returns a socket that keeps the port, too, where a process of ours holds it already.

        Raises:
            StartupError: the address is in use by others, or not one of this machine.
        """
        family, kind, protocol, _, where = self._resolved(option)[0]
        holder = socket.socket(family, kind, protocol)
        try:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(where)
            # With it, a stranger could bind the port while none of ours listens.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        except OSError as error:
            holder.close()
            raise self.unusable(option, error.strerror) from None
        return holder

    def _resolved(self, option: str) -> list[tuple[Any, ...]]:
        try:
            return socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except (OSError, UnicodeError):  # the latter from the codec for names that DNS knows
            raise StartupError(
                f"cannot listen on {option} {self}: no such host; "
                "name an address of this machine, such as 127.0.0.1"
            ) from None

    def unusable(self, option: str, why: str | None) -> StartupError:
        """Returns the error for an address that cannot be listened on."""
        reason = (why or "unknown error").lower()
        return StartupError(
            f"cannot listen on {option} {self}: {reason}; "
            "stop what uses it, or choose another address (port 0 takes a free port)"
        )
