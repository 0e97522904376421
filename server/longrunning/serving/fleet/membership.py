"""The inside of one process of a fleet: what it tells its parent, and what it is told."""

import asyncio
import multiprocessing.connection
import os
from dataclasses import dataclass

from longrunning.child_process import die_with_parent, heed_signals
from longrunning.serving.server import Addresses


@dataclass(frozen=True, slots=True)
class Failed:
    """A process could not serve, or not go on; the message is one line."""

    message: str


class Membership:
    """Connects a process to the parent that started it, without which it does not live on.

    It has to be made first of all, in the main thread.

    Args:
        connection: to the parent.

    Attributes:
        stop: set when the parent says so; it does not signal, since whoever signals it may have
            signalled all of its processes, and a second signal has a meaning of its own.
    """

    def __init__(self, connection: multiprocessing.connection.Connection) -> None:
        # It came here by being inherited. Whatever is started here must not have it as well: were
        # it open there, the parent would not notice that this process is dead.
        os.set_inheritable(connection.fileno(), False)
        # A group of its own, in which is what it forks: that ends with it, and so do its ports. The
        # parent hears the terminal's signals.
        os.setpgid(0, 0)
        die_with_parent(-os.getpid())
        heed_signals()
        self.stop = asyncio.Event()
        self._connection = connection

    def ready(self, addresses: Addresses) -> None:
        """Says where it serves, and listens to the parent from now on; called in the event loop."""
        self._connection.send(addresses)
        asyncio.get_running_loop().add_reader(self._connection.fileno(), self._heed)

    def failed(self, message: str) -> None:
        """Says why it cannot serve."""
        self._connection.send(Failed(message))

    def _heed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._connection.fileno())
        self.stop.set()
