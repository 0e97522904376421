"""What of the memory waits for a worker."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import merge
from itertools import islice

from longrunning.lifecycle import Record, State
from longrunning.stores.conflicts import gives_work, is_claimed
from longrunning.stores.contract import Heart, Unwatch, Work, Worklist
from longrunning.stores.watchers import Wakers


class _Ids(dict[str, list[str]]):
    """Ids in order, by a key; a key without ids is not there."""

    def add(self, key: str, identity: str) -> None:
        insort(self.setdefault(key, []), identity)

    def remove(self, key: str, identity: str) -> None:
        ids = self[key]
        del ids[bisect_left(ids, identity)]
        if not ids:
            del self[key]


class MemoryWorklist(Worklist):
    """Keeps the unfinished records of a store in the order in which they are to be worked on.

    Args:
        wakers: woken when there is work.
        claimed: writes revisions of records, and returns them with what belongs to them.
    """

    def __init__(
        self, wakers: Wakers, claimed: Callable[[Sequence[Record]], Sequence[Work]]
    ) -> None:
        self._wakers = wakers
        self._claimed = claimed
        self._owners: dict[str, int] = {}
        self._unfinished: dict[str, Record] = {}
        self._pending = _Ids()
        self._with_key = _Ids()
        self._under_way: dict[str, str] = {}

    def change(self, before: Record | None, after: Record | None) -> None:
        """Is told what a record was, None if it is new, and what it is, None if it is deleted."""
        if before and not before.state.done:
            self._leave(before)
        if after and not after.state.done:
            self._enter(after)
        if gives_work(before, after):
            self._wakers.wake()

    def bars(self, record: Record, *, new: bool = False) -> str | None:
        """Returns the name of the operation that a record may not be written beside, if any."""
        if new and record.exclusive and (unfinished := self._with_key.get(record.conflict_key)):
            return self._unfinished[unfinished[0]].name
        under_way = self._under_way.get(record.conflict_key)
        if under_way is None or under_way == record.id or not is_claimed(record):
            return None
        return self._unfinished[under_way].name

    async def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives for another `lease`."""
        self._owners[owner] = now + lease

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        self._owners.pop(owner, None)

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records that a claim could take, the oldest first."""
        ids = merge(*(self._claimable(handler, limit, None) for handler in set(handlers)))
        return [self._unfinished[identity] for identity in islice(ids, limit)]

    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work, the oldest first."""
        oldest = merge(*(self._claimable(handler, most, name) for handler, most in room.items()))
        ids = list(islice(oldest, max(limit, 0)))
        return self._claimed([take(self._unfinished[identity]) for identity in ids])

    def watch(self, wake: Callable[[], None]) -> Unwatch:
        """Calls `wake` when there may be something to claim."""
        return self._wakers.add(wake)

    def heart(self) -> Heart:
        """Returns a heart that beats in this memory."""
        return _MemoryHeart(self._owners)

    async def orphans(self, handlers: Collection[str], *, now: int, limit: int) -> Sequence[Record]:
        """Returns claimed records for these handlers whose owner no longer lives."""
        found = [
            record
            for record in self._unfinished.values()
            if record.handler in handlers
            and record.owner
            and self._owners.get(record.owner, 0) < now
        ]
        return sorted(found, key=lambda record: record.id)[:limit]

    async def held(self, owner: str) -> Sequence[Record]:
        """Returns the unfinished records of an owner."""
        found = [record for record in self._unfinished.values() if record.owner == owner]
        return sorted(found, key=lambda record: record.id)

    def _enter(self, record: Record) -> None:
        self._unfinished[record.id] = record
        if record.state is State.PENDING:
            self._pending.add(record.handler, record.id)
        if record.conflict_key:
            self._with_key.add(record.conflict_key, record.id)
            if is_claimed(record):
                self._under_way[record.conflict_key] = record.id

    def _leave(self, record: Record) -> None:
        del self._unfinished[record.id]
        if record.state is State.PENDING:
            self._pending.remove(record.handler, record.id)
        if record.conflict_key:
            self._with_key.remove(record.conflict_key, record.id)
            if is_claimed(record):
                del self._under_way[record.conflict_key]

    def _claimable(self, handler: str, most: int, name: str | None) -> Sequence[str]:
        """Returns the ids of the oldest records of a handler that may be claimed."""
        found: list[str] = []
        for identity in self._pending.get(handler, ()):
            if len(found) >= most:
                break
            record = self._unfinished[identity]
            if name in (None, record.name) and self._has_its_turn(record):
                found.append(identity)
        return found

    def _has_its_turn(self, record: Record) -> bool:
        key = record.conflict_key
        return not key or (key not in self._under_way and self._with_key[key][0] == record.id)


class _MemoryHeart(Heart):
    """Beats in the memory that all threads share."""

    def __init__(self, owners: dict[str, int]) -> None:
        self._owners = owners

    def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives for another `lease`."""
        self._owners[owner] = now + lease

    def close(self) -> None:
        """Has nothing to let go of."""
