"""Ports for what can only be told where to listen."""

import random
import socket

# Linux gives no port of these to those who ask for any free one, which all other tests do.
_ASKED_FOR_BY_NUMBER = range(20_000, 32_000)


def free_ports(count: int = 1) -> range:
    """Returns so many ports of 127.0.0.1 in a row that nobody listens on now.

    Whoever asks the system for a free port meanwhile gets another one.
    """
    while True:
        first = random.choice(_ASKED_FOR_BY_NUMBER[:-count])
        ports = range(first, first + count)
        if all(map(_is_free, ports)):
            return ports


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
