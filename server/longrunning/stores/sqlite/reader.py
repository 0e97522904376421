"""Reads by name from a SQLite file, where what was read is kept.

A record is handed out again without asking SQLite as long as nobody commits. After a commit, whose
ever, only the columns that can change are read, which costs half as much as all of them.
"""

import sqlite3
from collections import OrderedDict

from longrunning.lifecycle import Record
from longrunning.stores.rows import record_of, revised
from longrunning.stores.sqlite import queries
from longrunning.stores.sqlite.wal_index import NO_HEADER, WalIndex

_ENTRY_BYTES = 1536  # the record, the heads of its 23 values, and the places in two dictionaries
_CHARACTER_BYTES = 4


class Reader:
    """A connection for reads by name; it belongs to the thread of the event loop.

    Names that are not there are not kept, so asking for those pushes nothing out.

    Args:
        connection: it has read before; this object closes it, after all others of its store.
        max_bytes: of the records that are kept, with what Python takes for them; the oldest makes
            room.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, max_bytes: int = 16 * 1024 * 1024
    ) -> None:
        self._connection = connection
        self._wal_index = WalIndex.of(connection)
        self._header = self._wal_index.header if self._wal_index else NO_HEADER
        self._state = b""
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, Record] = OrderedDict()
        self._current: dict[str, Record] = {}
        self.size = 0

    def get(self, name: str) -> Record | None:
        """Returns the record of a name, or None.

        Raises:
            sqlite3.Error: it cannot be read.
        """
        # Before the read: what is read then is of this state or a later one, so that a commit in
        # between has it read again next time.
        state = self._header.raw
        if state != self._state:
            self._state = state
            self._current.clear()
        record = self._current.get(name)
        return self._read(name) if record is None else record

    def close(self) -> None:
        """Closes the connection."""
        self._header = NO_HEADER
        self._connection.close()
        if self._wal_index:
            self._wal_index.leave()
            self._wal_index = None

    def _read(self, name: str) -> Record | None:
        earlier = self._kept.get(name)
        if earlier is not None:
            row = self._connection.execute(queries.GET_CHANGING, (name, earlier.id)).fetchone()
            if row is not None:
                return self._keep(revised(earlier, row), earlier)
            self.size -= _size(self._kept.pop(name))
        row = self._connection.execute(queries.GET, (name,)).fetchone()
        return None if row is None else self._keep(record_of(row), None)

    def _keep(self, record: Record, earlier: Record | None) -> Record:
        name = record.name
        if self._wal_index:
            self._current[name] = record
        if record is not earlier:
            self._kept[name] = record
            self.size += _size(record) - (_size(earlier) if earlier else 0)
            while self.size > self._max_bytes:
                oldest, gone = self._kept.popitem(last=False)
                self._current.pop(oldest, None)
                self.size -= _size(gone)
        return record


def _size(record: Record) -> int:
    """Returns how many bytes a record takes at most: each of its texts counts as the widest."""
    characters = (
        len(record.name)
        + len(record.id)
        + len(record.parent)
        + len(record.method)
        + len(record.handler)
        + len(record.caller)
        + len(record.request_id)
        + len(record.owner)
        + len(record.service or "")
        + len(record.conflict_key)
        + len(record.trace)
    )
    return _ENTRY_BYTES + len(record.operation) + _CHARACTER_BYTES * characters
