"""What a store owes: the contract that every store keeps, and that a new one would have to.

A store keeps records and knows nothing of their life: it never decides a step, it only writes one
if nobody was faster. All of its methods are called on one event loop, between `open` and `close`;
any number of them may be under way at once, and a caller may be cancelled at any await.

What every store promises:

* **Durable.** When `create`, `replace` or `delete` returns, the change survives the death of the
  process (and of the machine, for a store on disk).
* **Compare-and-set.** Of two writers that saw the same revision, one wins and the other is told.
* **Whole.** A change is there altogether or not at all, for every reader, whatever dies meanwhile.
* **Read your writes.** A `get` that begins after a write returned shows that write or a later one,
  in every process that shares the store.
* **Byte for byte.** What comes back equals what was written, `operation` and `request` to the byte.
* **Faults are named.** What the storage cannot do now is `Unavailable`, what it has no room for is
  `ResourceExhausted`; the exceptions of its driver never get out. A store answers again by itself
  once its storage does. What it can never keep harms its own caller only, whoever shares its
  commit, and is neither of the two. A write that raised was not acknowledged: it may have taken
  place if the storage was lost while it committed, so whoever repeats it reads first, as
  `Ledger.advance` does.

`tests/longrunning/stores/` holds every store to this; a new one joins by one line in its
`conftest.py`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from longrunning.filters.bounds import Bounds
from longrunning.lifecycle import Record

Changed = Callable[[Collection[str] | None], None]
"""Is told the names of operations that changed, or None when any may have."""

Unwatch = Callable[[], None]
"""Ends a watch; calling it again does nothing."""

ANY = Bounds()
"""The bounds that every record is within."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records one step of a list wants, newest first.

    Attributes:
        parent: of exactly this parent; None for every parent.
        parent_prefix: of parents that begin with this.
        service: of exactly this service; None for every service.
        caller: started by exactly this caller; None for whomever.
        bounds: within these (see `Bounds.admits`).
        before: only records whose id is smaller; "" for the newest.
        limit: how many records at most, 1 or more.
        scan: about how many records to look at before giving up, 1 or more.
    """

    parent: str | None
    parent_prefix: str = ""
    service: str | None = None
    caller: str | None = None
    bounds: Bounds = ANY
    before: str = ""
    limit: int
    scan: int = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one step of a list found.

    Attributes:
        records: by descending id.
        position: the `before` of the next step, "" if this one reached the end.
    """

    records: Sequence[Record]
    position: str

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


class Store(ABC):
    """Keeps the records of operations."""

    worklist: "Worklist"
    """What of this store waits for a worker."""

    page_token_key: bytes
    """The secret of this store's page tokens, the same for every process that shares it.

    32 random bytes, made when the store is first opened, and there after each `open`.
    """

    @property
    @abstractmethod
    def url(self) -> str:
        """Says what and where the store is, without any password."""

    @abstractmethod
    async def open(self) -> None:
        """Makes the store ready, creating or migrating its tables where it has any.

        May be called again after `close`.

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
            `record` itself, or, if it has a request id that its caller has used before for the same
            method and parent, the record of that time, as it is now; nothing is added then.

        Raises:
            AlreadyExists: another operation has its name or its id.
            OperationConflict: it is exclusive, and an unfinished operation has its conflict key; or
                it is made as one that is claimed already, and another claimed one has that key.
        """

    @abstractmethod
    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""

    @abstractmethod
    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record.

        Only state, revision, attempt, owner, update_time, expire_time, deadline and operation ever
        change.

        Args:
            record: the next revision.
            checkpoint: what the work left for its next attempt, in the same write; None leaves
                what there is, b"" forgets it.

        Returns:
            Whether it was written: False if the stored revision is not the one before it, or if the
            operation is gone.

        Raises:
            OperationConflict: it claims the operation, and a claimed one has its conflict key.
        """

    @abstractmethod
    async def delete(self, name: str) -> bool:
        """Removes an operation, whatever its state; returns whether it was there.

        Its request id is free again afterwards.
        """

    @abstractmethod
    async def list(self, query: Query) -> Page:
        """Returns records that a query selects: all there are between `before` and the position.

        The work is bounded by `query.scan` and `query.limit`, whatever the store holds, except that
        a parent, a service with its parent, a caller with a parent, and `bounds.done` should cost
        nothing at all (an index). A page may therefore be short, or even empty, and still have a
        position.
        """

    @abstractmethod
    async def purge(self, *, now: int, limit: int) -> int:
        """Removes at most `limit` operations whose `expire_time` is neither 0 nor `now` or later.

        Returns:
            How many: fewer than `limit` say that nothing is left to purge.
        """

    @abstractmethod
    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` on the event loop after each `create`, `replace` and `delete`.

        Changes by other processes are noticed within a second, perhaps without their names; where
        they come by messages that can be lost, within a few seconds all the same. A call may come
        early, twice, or for a change that the watcher made itself. Purges may go unannounced.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a claim hands to its worker.

    Attributes:
        record: as the claim left it.
        request: the serialized request that the operation was created with.
        checkpoint: what an earlier attempt left last, b"" for nothing.
    """

    record: Record
    request: bytes
    checkpoint: bytes


class Heart(ABC):
    """Says that an owner lives, from a thread of its own, whatever the event loop does.

    Its methods block, and belong to one thread; it has its own connection where the store has any.
    """

    @abstractmethod
    def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner counts as alive for another `lease` microseconds.

        Args:
            owner: as in `Worklist.beat`.
            now: as there.
            lease: as there.

        Raises:
            OperationsError: the store cannot take it now; the next beat may.
        """

    @abstractmethod
    def close(self) -> None:
        """Lets go of its connection; never raises."""


class Worklist(ABC):
    """The records of a store that wait for a worker, or whose worker is gone."""

    @abstractmethod
    async def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner is alive, and counts as that for another `lease` microseconds.

        An owner beats before its first claim.

        Args:
            owner: who works.
            now: the caller's time; a store with a clock that all its processes share uses that one.
            lease: in microseconds.
        """

    @abstractmethod
    async def retire(self, owner: str) -> None:
        """Says that an owner is gone: what it still holds is orphaned at once."""

    @abstractmethod
    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records for one of these handlers that a claim could take, oldest first.

        What waits for its turn, behind another one with its conflict key, is not among them.
        """

    @abstractmethod
    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work, the oldest first; each piece goes to one caller alone.

        What has a conflict key is left while an older operation with that key is unfinished, or any
        is claimed. What another worker is just taking is left to it, never waited for.

        Args:
            room: how many of each handler at most, by its name.
            take: makes the next revision of a record that is taken, claimed and still unfinished;
                runs wherever the store writes, so it must not block or raise.
            limit: how many in all.
            name: of this operation only.

        Returns:
            What was taken, with `take` applied; on disk. A caller that is cancelled, or is told of
            a fault, may have taken work all the same.
        """

    @abstractmethod
    def watch(self, wake: Callable[[], None]) -> Unwatch:
        """Calls `wake` on the event loop when there may be something to claim.

        That is when a pending record is written, and when one with a conflict key ends or is
        deleted, by whichever process. A call may come for nothing, and what other processes do may
        be told late or, where messages get lost, not at all: whoever works sweeps besides.
        """

    @abstractmethod
    def heart(self) -> Heart:
        """Returns a heart; cheap and without I/O, which its first beat does."""

    @abstractmethod
    async def orphans(self, handlers: Collection[str], *, now: int, limit: int) -> Sequence[Record]:
        """Returns unfinished records with an owner who does not live any more, the oldest first.

        Args:
            handlers: for one of these; "" is that of work that runs elsewhere.
            now: as in `beat`.
            limit: how many at most.
        """

    @abstractmethod
    async def held(self, owner: str) -> Sequence[Record]:
        """Returns the unfinished records that an owner has claimed, the oldest first.

        After a claim that failed, that tells an owner what it was given all the same.
        """


class StoreError(Exception):
    """A store cannot be opened; the message is one line for whoever operates it."""
