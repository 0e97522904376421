"""The header of a WAL index, mapped into this process: every commit of anybody changes it.

SQLite keeps the index of a write-ahead log in the `-shm` file, which each process that uses the
database maps. Its first 48 bytes are the first of two copies of the header, which a commit writes
last (`walIndexWriteHdr` in SQLite's `wal.c`): before it returns, they are others. SQLite's own
connections go by them too: they keep the pages in their caches for as long as the header is the
same (`walIndexTryHdr`). To look at it takes less than a tenth of a microsecond; to ask SQLite,
three.

Spec: https://www.sqlite.org/walformat.html#the_wal_index_file_format
"""

import ctypes
import mmap
import os
import sqlite3
import threading
from pathlib import Path

Header = ctypes.Array[ctypes.c_char]
"""The mapped bytes; `raw` is what they are now."""

NO_HEADER: Header = (ctypes.c_char * 0)()
"""Stands for that of a file without one."""

_BYTES = 48
_FAILED = ctypes.c_void_p(-1).value


class WalIndex:
    """A `-shm` file that this process has mapped, once for all stores that use it.

    SQLite's locks on it are POSIX locks: a process loses all that it has on a file when it closes
    any descriptor of that file, whoever took them (another store, a heart, somebody's own
    connection). So the descriptor is closed only after SQLite has removed the file, which the last
    connection of all does. It is a plain number and the mapping a plain address: a Python `mmap`
    has a descriptor of its own, and closes it when it is collected.

    Args:
        descriptor: of the file.

    Raises:
        OSError: it cannot be mapped.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._address = _map(descriptor)
        self._users = 0
        self.header: Header = (ctypes.c_char * _BYTES).from_address(self._address)

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> "WalIndex | None":
        """Returns the index of a file in use, to be left once all connections to it are closed.

        Args:
            connection: it has read before, so it has the `-shm` file open: while it has, nobody
                removes or truncates that.

        Returns:
            None where there is none, or none that can be mapped.
        """
        ((mode,),) = connection.execute("PRAGMA journal_mode")
        if mode != "wal" or os.name != "posix":
            return None
        file = _file_of(connection)
        with _opening:
            _close_removed()
            try:
                return _mapped(Path(f"{file}-shm")).use()
            except OSError:
                return None

    def use(self) -> "WalIndex":
        """Begins one use."""
        self._users += 1
        return self

    def leave(self) -> None:
        """Ends one use; what `header` shows afterwards is undefined."""
        with _opening:
            self._users -= 1
            _close_removed()

    def close_if_removed(self) -> bool:
        """Closes it if nobody needs it any more, in this process or any other."""
        if self._users or os.fstat(self._descriptor).st_nlink:
            return False
        _munmap(self._address, _BYTES)
        os.close(self._descriptor)
        return True


_opening = threading.Lock()
_open: dict[tuple[int, int], WalIndex] = {}


def _file_of(connection: sqlite3.Connection) -> str:
    """Returns the path of a database, which need not be UTF-8."""
    text_factory, connection.text_factory = connection.text_factory, os.fsdecode
    try:
        ((_, _, file),) = connection.execute("PRAGMA database_list")
    finally:
        connection.text_factory = text_factory
    return str(file)


def _mapped(path: Path) -> WalIndex:
    """Returns the one of a path; a file that is open already must not be opened again."""
    status = path.stat()
    key = status.st_dev, status.st_ino
    if key not in _open:
        # What fails from here on leaves the descriptor open: closing it costs SQLite its locks.
        _open[key] = WalIndex(os.open(path, os.O_RDONLY))
    return _open[key]


def _close_removed() -> None:
    for key, index in list(_open.items()):
        if index.close_if_removed():
            del _open[key]


def _map(descriptor: int) -> int:
    if os.fstat(descriptor).st_size < _BYTES:
        raise OSError("The file is too short for a WAL index.")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        *(ctypes.c_void_p, ctypes.c_size_t),
        *(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long),
    )
    address = libc.mmap(None, _BYTES, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address is None or address == _FAILED:
        raise OSError(ctypes.get_errno(), "The WAL index cannot be mapped.")
    return int(address)


def _munmap(address: int, size: int) -> None:
    libc = ctypes.CDLL(None)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    libc.munmap(address, size)
