"""What a store owes: the contract that every store keeps, and that a new one would have to.

A store keeps records and knows nothing of their life: it never decides a step, it only writes one
if nobody was faster. All of its methods are called on one event loop, between `open` and `close`.

What every store promises:

* **Durable.** When `create`, `replace` or `delete` returns, the change survives the death of the
  process (and of the machine, for a store on disk). A call that raises changed nothing.
* **Compare-and-set.** Of two writers that saw the same revision, one wins and the other is told.
* **Read your writes.** `get` after a write that returned shows that write or a later one, from
  every process that shares the store.
* **Faults are named.** What the storage cannot do now is `Unavailable`, what it has no room for
  `ResourceExhausted`; the exceptions of its driver never get out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from longrunning.lifecycle import Record

Changed = Callable[[Collection[str] | None], None]
"""Is told the names of operations that changed, or None when any may have."""

Unwatch = Callable[[], None]
"""Ends a watch; calling it again does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records a list wants, newest first.

    Attributes:
        parent: of exactly this parent; None for every parent.
        done: only finished ones, only unfinished ones, or (None) both.
        before: only records whose id is smaller; "" for the newest.
        limit: how many records at most.
    """

    parent: str | None
    done: bool | None = None
    before: str = ""
    limit: int


class Store(ABC):
    """Keeps the records of operations."""

    worklist: "Worklist"
    """What of this store waits for a worker."""

    page_token_key: bytes
    """The secret of this store's page tokens, the same for every process that shares it."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Says what and where the store is, without any password."""

    @abstractmethod
    async def open(self) -> None:
        """Makes the store ready, creating or migrating its tables where it has any.

        Raises:
            StoreError: it cannot be opened; the message says why, for whoever operates it.
        """

    @abstractmethod
    async def close(self) -> None:
        """Writes what is under way, and lets go of everything."""

    @abstractmethod
    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record and the serialized request that it stands for.

        Returns:
            `record`, or, if it has a request id that its caller has used before for the same method
            and parent, the record of that time, as it is now; nothing is added then.
        """

    @abstractmethod
    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""

    @abstractmethod
    async def request(self, name: str) -> bytes | None:
        """Returns the serialized request that an operation was created with, or None."""

    @abstractmethod
    async def replace(self, record: Record) -> bool:
        """Writes the next revision of a record.

        Returns:
            Whether it was written: False if the stored revision is not the one before it, or if the
            operation is gone.
        """

    @abstractmethod
    async def delete(self, name: str) -> bool:
        """Removes an operation, whatever its state; returns whether it was there."""

    @abstractmethod
    async def list(self, query: Query) -> Sequence[Record]:
        """Returns the records that a query selects, by descending id.

        The work is proportional to `query.limit`, not to what the store holds.
        """

    @abstractmethod
    async def purge(self, *, now: int, limit: int) -> int:
        """Removes at most `limit` operations that expired before `now`; returns how many."""

    @abstractmethod
    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` on the event loop after each commit, until the watch is ended.

        Commits of other processes are noticed within a second, perhaps without their names. A call
        may come early, twice, or for a change that the watcher made itself.
        """


class Worklist(ABC):
    """The records of a store that wait for a worker, or whose worker is gone."""

    @abstractmethod
    async def beat(self, owner: str, *, now: int, expire_time: int) -> None:
        """Says that an owner lives until `expire_time`."""

    @abstractmethod
    async def retire(self, owner: str) -> None:
        """Says that an owner is gone: what it still holds is orphaned at once."""

    @abstractmethod
    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records for one of these handlers, the oldest first."""

    @abstractmethod
    async def orphans(self, *, now: int, limit: int) -> Sequence[Record]:
        """Returns unfinished records that were claimed by an owner who no longer lives."""


class StoreError(Exception):
    """A store cannot be opened; the message is one line for whoever operates it."""
