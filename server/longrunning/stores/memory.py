"""A store that forgets everything when the process ends: for tests and for trying things out."""

import secrets
from bisect import bisect_left, insort
from collections.abc import Collection, Sequence

from longrunning.errors import AlreadyExists
from longrunning.lifecycle import Record, State
from longrunning.stores.contract import ANY, Changed, Page, Query, Store, Unwatch, Worklist
from longrunning.stores.watchers import Watchers


class MemoryStore(Store):
    """Keeps operations in this process's memory."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._requests: dict[str, bytes] = {}
        self._by_request_id: dict[tuple[str, str, str, str], str] = {}
        self._names: dict[str, str] = {}
        self._ids: list[str] = []
        self._expiring: list[tuple[int, str]] = []
        self._watchers = Watchers()
        self.worklist = MemoryWorklist(self._records)
        self.page_token_key = secrets.token_bytes(32)

    @property
    def url(self) -> str:
        """Says that this is the memory of this process."""
        return "memory:"

    async def open(self) -> None:
        """Does nothing: what was kept is kept."""

    async def close(self) -> None:
        """Does nothing: the operations stay until the store itself goes."""

    async def create(self, record: Record, request: bytes) -> Record:
        """Adds a record; see `Store.create`."""
        if record.request_id:
            key = _request_key(record)
            if (name := self._by_request_id.get(key)) is not None:
                return self._records[name]
        if record.name in self._records or record.id in self._names:
            raise AlreadyExists("There is an operation of that name already.", reason="NAME_TAKEN")
        if record.request_id:
            self._by_request_id[_request_key(record)] = record.name
        self._records[record.name] = record
        self._requests[record.name] = request
        self._names[record.id] = record.name
        insort(self._ids, record.id)
        self._note_expiry(record)
        self._watchers.notify([record.name])
        return record

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        return self._records.get(name)

    async def request(self, name: str) -> bytes | None:
        """Returns the serialized request of an operation, or None."""
        return self._requests.get(name)

    async def replace(self, record: Record) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        stored = self._records.get(record.name)
        if stored is None or stored.revision != record.revision - 1:
            return False
        self._records[record.name] = record
        self._forget_expiry(stored)
        self._note_expiry(record)
        self._watchers.notify([record.name])
        return True

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        record = self._records.pop(name, None)
        if record is None:
            return False
        del self._requests[name], self._names[record.id]
        del self._ids[bisect_left(self._ids, record.id)]
        self._forget_expiry(record)
        if record.request_id:
            del self._by_request_id[_request_key(record)]
        self._watchers.notify([name])
        return True

    async def list(self, query: Query) -> Page:
        """Returns the next records that a query selects, newest first.

        Unlike a store with indexes, this one looks at every newer record on the way.
        """
        if query.bounds.nothing:
            return Page(records=(), position="")
        end = bisect_left(self._ids, query.before) if query.before else len(self._ids)
        selected: list[Record] = []
        for position in range(end - 1, max(end - 1 - query.scan, -1), -1):
            record = self._records[self._names[self._ids[position]]]
            if _selects(query, record):
                selected.append(record)
                if len(selected) == query.limit:
                    return Page(records=selected, position=record.id)
        rest = end - query.scan
        return Page(records=selected, position=self._ids[rest] if rest > 0 else "")

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes operations that have expired; returns how many."""
        expired = self._expiring[: min(limit, bisect_left(self._expiring, (now, "")))]
        for _, name in expired:
            await self.delete(name)
        return len(expired)

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each change."""
        return self._watchers.add(changed)

    def _note_expiry(self, record: Record) -> None:
        if record.expire_time > 0:
            insort(self._expiring, (record.expire_time, record.name))

    def _forget_expiry(self, record: Record) -> None:
        if record.expire_time > 0:
            del self._expiring[bisect_left(self._expiring, (record.expire_time, record.name))]


class MemoryWorklist(Worklist):
    """Answers from the same records as the store."""

    def __init__(self, records: dict[str, Record]) -> None:
        self._records = records
        self._owners: dict[str, int] = {}

    async def beat(self, owner: str, *, now: int, lease: int) -> None:
        """Says that an owner lives for another `lease`."""
        self._owners[owner] = now + lease

    async def retire(self, owner: str) -> None:
        """Says that an owner is gone."""
        self._owners.pop(owner, None)

    async def pending(self, handlers: Collection[str], *, limit: int) -> Sequence[Record]:
        """Returns pending records for one of these handlers, the oldest first."""
        return self._select(
            [r for r in self._unfinished() if r.state is State.PENDING and r.handler in handlers],
            limit,
        )

    async def orphans(self, *, now: int, limit: int) -> Sequence[Record]:
        """Returns claimed records whose owner no longer lives."""
        return self._select(
            [r for r in self._unfinished() if r.owner and self._owners.get(r.owner, 0) < now], limit
        )

    def _unfinished(self) -> list[Record]:
        return [record for record in self._records.values() if not record.state.done]

    @staticmethod
    def _select(records: list[Record], limit: int) -> Sequence[Record]:
        return sorted(records, key=lambda record: record.id)[:limit]


def _selects(query: Query, record: Record) -> bool:
    return (
        query.parent in (None, record.parent)
        and record.parent.startswith(query.parent_prefix)
        and query.service in (None, record.service)
        and query.bounds.done in (None, record.state.done)
        and (query.bounds == ANY or query.bounds.admits(record.message()))
    )


def _request_key(record: Record) -> tuple[str, str, str, str]:
    return record.caller, record.method, record.parent, record.request_id
