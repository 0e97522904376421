"""The engine of a process that does no work itself."""

from longrunning.engines.contract import Engine
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger


class WorkersElsewhere(Engine):
    """Leaves all work to other processes that share the store, such as those of `lro worker`.

    They are woken by the store itself, so there is nothing to dispatch.
    """

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Does nothing."""

    def dispatch(self, name: str) -> None:
        """Does nothing."""

    async def stop(self, grace: float) -> None:
        """Does nothing."""
