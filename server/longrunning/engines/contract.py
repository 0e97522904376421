"""The seam between `Operations` and whatever runs the work."""

from abc import ABC, abstractmethod

from longrunning.handlers import Handlers
from longrunning.ledger import Ledger


class Engine(ABC):
    """Runs the work of operations that have a handler.

    The operation's record is the outbox: `dispatch` is a hint that is sent after the record is on
    disk, it may be lost or come twice, and an engine finds by itself what was not dispatched
    (`ledger.store.worklist`). Only a claim (`ledger.claim`) gives it the work, and every write of
    the work names the attempt that the claim made.
    """

    @abstractmethod
    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Begins to take work.

        Args:
            ledger: reads and advances operations; open until `stop` has returned.
            handlers: what this process can do; work for others is left alone.
        """

    @abstractmethod
    def dispatch(self, name: str) -> None:
        """Hints that an operation is pending; returns at once."""

    @abstractmethod
    async def stop(self, grace: float) -> None:
        """Takes no more work, lets what runs finish, and interrupts what is left.

        Args:
            grace: how long running work may take to finish, in seconds.
        """
