"""A store that forgets everything when the process ends: for tests and for trying things out."""

import secrets
from bisect import bisect_left, insort
from collections.abc import Sequence

from longrunning.errors import AlreadyExists, OperationConflict
from longrunning.lifecycle import Record
from longrunning.stores.contract import ANY, Changed, Page, Query, Store, Unwatch, Work
from longrunning.stores.memory_worklist import MemoryWorklist
from longrunning.stores.watchers import Wakers, Watchers


class MemoryStore(Store):
    """Keeps operations in this process's memory."""

    def __init__(self) -> None:
        self._kept: dict[str, Work] = {}
        self._by_request_id: dict[tuple[str, str, str, str], str] = {}
        self._names: dict[str, str] = {}
        self._ids: list[str] = []
        self._ids_by: dict[tuple[str, str], list[str]] = {}  # by caller, and by parent
        self._expiring: list[tuple[int, str]] = []
        self._watchers = Watchers()
        self._worklist = MemoryWorklist(Wakers(self._watchers), self._claim)
        self.worklist = self._worklist
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
                return self._kept[name].record
        if record.name in self._kept or record.id in self._names:
            raise AlreadyExists("There is an operation of that name already.", reason="NAME_TAKEN")
        if (other := self._worklist.bars(record, new=True)) is not None:
            raise OperationConflict(record.conflict_key, other)
        if record.request_id:
            self._by_request_id[_request_key(record)] = record.name
        self._names[record.id] = record.name
        insort(self._ids, record.id)
        for listed in _list_keys(record):
            insort(self._ids_by.setdefault(listed, []), record.id)
        self._keep(None, Work(record=record, request=request, checkpoint=b""))
        return record

    async def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None."""
        kept = self._kept.get(name)
        return kept.record if kept else None

    async def replace(self, record: Record, checkpoint: bytes | None = None) -> bool:
        """Writes the next revision of a record, if nobody was faster."""
        kept = self._kept.get(record.name)
        if kept is None or kept.record.revision != record.revision - 1:
            return False
        if (other := self._worklist.bars(record)) is not None:
            raise OperationConflict(record.conflict_key, other)
        self._replace(kept, record, kept.checkpoint if checkpoint is None else checkpoint)
        return True

    async def delete(self, name: str) -> bool:
        """Removes an operation; returns whether it was there."""
        kept = self._kept.pop(name, None)
        if kept is None:
            return False
        record = kept.record
        del self._names[record.id]
        del self._ids[bisect_left(self._ids, record.id)]
        for listed in _list_keys(record):
            ids = self._ids_by[listed]
            del ids[bisect_left(ids, record.id)]
            if not ids:
                del self._ids_by[listed]
        self._forget_expiry(record)
        if record.request_id:
            del self._by_request_id[_request_key(record)]
        self._worklist.change(record, None)
        self._watchers.notify([name])
        return True

    async def list(self, query: Query) -> Page:
        """Returns the next records that a query selects, newest first.

        It looks at every newer record of the parent or of the caller, whoever has fewer, or at
        every one there is.
        """
        if query.bounds.nothing:
            return Page(records=(), position="")
        asked = (("caller", query.caller), ("parent", query.parent))
        narrowed = [self._ids_by.get((by, of), []) for by, of in asked if of is not None]
        ids = min(narrowed, key=len, default=self._ids)
        end = bisect_left(ids, query.before) if query.before else len(ids)
        selected: list[Record] = []
        for position in range(end - 1, max(end - 1 - query.scan, -1), -1):
            record = self._kept[self._names[ids[position]]].record
            if _selects(query, record):
                selected.append(record)
                if len(selected) == query.limit:
                    return Page(records=selected, position=record.id)
        rest = end - query.scan
        return Page(records=selected, position=ids[rest] if rest > 0 else "")

    async def purge(self, *, now: int, limit: int) -> int:
        """Removes operations that have expired; returns how many."""
        expired = self._expiring[: min(limit, bisect_left(self._expiring, (now, "")))]
        for _, name in expired:
            await self.delete(name)
        return len(expired)

    def watch(self, changed: Changed) -> Unwatch:
        """Calls `changed` after each change."""
        return self._watchers.add(changed)

    def _claim(self, records: Sequence[Record]) -> Sequence[Work]:
        return [
            self._replace(kept, record, kept.checkpoint)
            for record in records
            for kept in [self._kept[record.name]]
        ]

    def _note_expiry(self, record: Record) -> None:
        if record.expire_time > 0:
            insort(self._expiring, (record.expire_time, record.name))

    def _forget_expiry(self, record: Record) -> None:
        if record.expire_time > 0:
            del self._expiring[bisect_left(self._expiring, (record.expire_time, record.name))]

    def _replace(self, kept: Work, record: Record, checkpoint: bytes) -> Work:
        following = Work(record=record, request=kept.request, checkpoint=checkpoint)
        self._keep(kept.record, following)
        return following

    def _keep(self, before: Record | None, kept: Work) -> None:
        if before:
            self._forget_expiry(before)
        self._note_expiry(kept.record)
        self._kept[kept.record.name] = kept
        self._worklist.change(before, kept.record)
        self._watchers.notify([kept.record.name])


def _list_keys(record: Record) -> tuple[tuple[str, str], ...]:
    """Returns under what a record is listed, beside all the others."""
    return ("caller", record.caller), ("parent", record.parent)


def _selects(query: Query, record: Record) -> bool:
    return (
        query.caller in (None, record.caller)
        and query.parent in (None, record.parent)
        and record.parent.startswith(query.parent_prefix)
        and query.service in (None, record.service)
        and query.bounds.done in (None, record.state.done)
        and (query.bounds == ANY or query.bounds.admits(record.message()))
    )


def _request_key(record: Record) -> tuple[str, str, str, str]:
    return record.caller, record.method, record.parent, record.request_id
