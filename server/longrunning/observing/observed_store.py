"""A store whose calls are timed."""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TypeVar

from longrunning.lifecycle import Record
from longrunning.observing.observer import Observer
from longrunning.stores import Heart, Page, Query, Store, Work, Worklist
from longrunning.stores.contract import Changed, Unwatch

T = TypeVar("T")


class ObservedStore(Store):
    """Passes everything on to an open store, and tells an observer how long each call took.

    Args:
        store: does what it always does.
        observer: is told.
    """

    def __init__(self, store: Store, observer: Observer) -> None:
        self._store = store
        self._observer = observer
        self.worklist = ObservedWorklist(store.worklist, observer)
        self.page_token_key = store.page_token_key

    @property
    def url(self) -> str:
        """Says what and where the store is."""
        return self._store.url

    async def open(self) -> None:
        """Opens the store."""
        await self._store.open()

    async def close(self) -> None:
        """Closes the store."""
        await self._store.close()

    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record."""
        return await _timed(self._observer, "create", self._store.create(record, request))

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name."""
        return await _timed(self._observer, "get", self._store.get(name))

    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record."""
        return await _timed(self._observer, "replace", self._store.replace(record, checkpoint))

    async def delete(self, name: str) -> bool:
        """Removes an operation."""
        return await _timed(self._observer, "delete", self._store.delete(name))

    async def list(self, query: Query) -> Page:
        """Returns records that a query selects."""
        return await _timed(self._observer, "list", self._store.list(query))

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes what has expired."""
        return await _timed(self._observer, "purge", self._store.purge(now=now, limit=limit))

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each change."""
        return self._store.watch(changed)


class ObservedWorklist(Worklist):
    """Passes everything on to a worklist, and tells an observer how long each call took.

    Args:
        worklist: does what it always does.
        observer: is told.
    """

    def __init__(self, worklist: Worklist, observer: Observer) -> None:
        self._worklist = worklist
        self._observer = observer

    async def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives."""
        await _timed(self._observer, "beat", self._worklist.beat(owner, now=now, lease=lease))

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        await _timed(self._observer, "retire", self._worklist.retire(owner))

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records."""
        found = self._worklist.pending(handlers, limit=limit)
        return await _timed(self._observer, "pending", found)

    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work."""
        taken = self._worklist.claim(room, take, limit=limit, name=name)
        return await _timed(self._observer, "claim", taken)

    async def held(self, owner: str) -> Sequence[Record]:
        """Returns what an owner holds."""
        return await _timed(self._observer, "held", self._worklist.held(owner))

    def watch(self, wake: Callable[[], None]) -> Unwatch:
        """Calls `wake` when there may be something to claim."""
        return self._worklist.watch(wake)

    def heart(self) -> Heart:
        """Returns a heart; it beats in a thread of its own, unobserved."""
        return self._worklist.heart()

    async def orphans(self, handlers: Collection[str], *, now: int, limit: int) -> Sequence[Record]:
        """Returns records whose owner is gone."""
        found = self._worklist.orphans(handlers, now=now, limit=limit)
        return await _timed(self._observer, "orphans", found)


async def _timed(observer: Observer, method: str, call: Awaitable[T]) -> T:
    began = time.perf_counter()
    try:
        return await call
    finally:
        observer.stored(method, time.perf_counter() - began)
