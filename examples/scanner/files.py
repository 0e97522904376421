"""Files and their digests.

A file that vanishes before it is read is left out, as if the scan had begun a moment later; one
that cannot be read fails the scan, since a manifest must not be silent about it.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from examples.scanner.root import NOT_A_DIRECTORY, open_directory
from longrunning import Aborted, FailedPrecondition

CHUNK_BYTES = 256 * 1024
"""How much is read at once, and so how soon within a file a cancellation is heeded."""

_TRIES = 3
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Digest:
    """What was read of a file.

    Attributes:
        size: in bytes.
        sha256: in lower case hexadecimal.
    """

    size: int
    sha256: str


def digest(top: int, path: str, on_bytes: Callable[[int], None]) -> Digest | None:
    """Reads a file and returns its digest.

    A file that changes meanwhile is read again from its start, for what was read was never its
    content at any time.

    Args:
        top: the open directory that the path begins at.
        path: relative to it, with `/` between its parts.
        on_bytes: called with the number of bytes read so far, after each chunk.

    Returns:
        None if the file has vanished, or is a regular file no longer.

    Raises:
        FailedPrecondition: it cannot be read.
        Aborted: it changes all the time.
    """
    for _ in range(_TRIES):
        try:
            descriptor = _open_file(top, path)
        except OSError as error:
            if has_vanished(error):
                return None
            raise unreadable(path, error) from None
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return None
            found = _read(descriptor, before.st_size, on_bytes)
            after = os.fstat(descriptor)
        except OSError as error:
            raise unreadable(path, error) from None
        finally:
            os.close(descriptor)
        if found and before.st_mtime_ns == after.st_mtime_ns:
            return found
    raise Aborted(
        f"The file {path!r} changes while it is read: scan it again when nobody writes to it.",
        reason="FILE_CHANGES",
        metadata={"path": path},
    )


def _read(descriptor: int, expected: int, on_bytes: Callable[[int], None]) -> Digest | None:
    """Returns the digest of a file, or None if it is not of the expected size."""
    sha256, size = hashlib.sha256(), 0
    # No further than that: a file may grow faster than it can be read.
    while size <= expected and (chunk := os.read(descriptor, CHUNK_BYTES)):
        sha256.update(chunk)
        size += len(chunk)
        on_bytes(size)
    return Digest(size, sha256.hexdigest()) if size == expected else None


def _open_file(top: int, path: str) -> int:
    *parents, name = path.split("/")
    directory = open_directory(top, parents)
    try:
        return os.open(name, _FILE, dir_fd=directory)
    finally:
        os.close(directory)


def has_vanished(error: OSError) -> bool:
    """Whether there is nothing there now, or a link or something else in its place."""
    return isinstance(error, FileNotFoundError) or error.errno in NOT_A_DIRECTORY


def unreadable(path: str, error: OSError) -> FailedPrecondition:
    """Returns the error for what is there and cannot be read; "" is the scanned directory."""
    why = (error.strerror or "unknown error").lower()
    return FailedPrecondition(
        f"{repr(path) if path else 'The directory'} cannot be read: {why}.",
        reason="FILE_UNREADABLE",
        metadata={"path": path, "error": why},
    )
