"""The files that the services may touch: `gs://bucket/object` is a file below one directory.

Every step is taken from the directory before it, and a symbolic link is never followed, so nothing
outside is reached.
"""

import contextlib
import os
import re
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path

from examples.scanner.root import open_directory
from longrunning import FailedPrecondition, InvalidArgument, ResourceExhausted

MAX_BYTES = 64 * 1024 * 1024
"""How large an object may be that is read."""

_URI = re.compile(r"gs://(?P<path>[^/\x00-\x1f\x7f]+(?:/[^/\x00-\x1f\x7f]+)*)/?")
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Storage:
    """Buckets, each a directory below the root.

    Args:
        root: where they are; it is not made.

    Raises:
        NotADirectoryError: there is no such directory.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = Path(root).resolve()
        if not self._root.is_dir():
            raise NotADirectoryError(
                f"the root of the buckets, {str(root)!r}, is not a directory: "
                "set GOOGLE_SERVICES_ROOT to one"
            )

    def check(self, uri: str, field: str, *, is_object: bool = True) -> None:
        """Refuses what is not the address of an object, or of a folder.

        Args:
            uri: `gs://bucket/object`; a folder may be a bucket itself.
            field: of the request, for the refusal.
            is_object: whether there has to be something behind the bucket.

        Raises:
            InvalidArgument: it is none.
        """
        match = _URI.fullmatch(uri)
        parts = match["path"].split("/") if match else []
        if len(uri) > 1024 or len(parts) < 1 + is_object or not {".", ".."}.isdisjoint(parts):
            raise InvalidArgument(
                f"{field} is {uri[:100]!r}: expected 'gs://bucket/object'.",
                field=field,
                reason="INVALID_STORAGE_URI",
                metadata={"uri": uri[:100]},
            )

    def read(self, uri: str) -> bytes:
        """Returns an object.

        Raises:
            FailedPrecondition: there is none.
            ResourceExhausted: it is too large.
        """
        *folders, name = _parts(uri)
        try:
            folder = self._open(folders)
            try:
                descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | _FLAGS, dir_fd=folder)
            finally:
                os.close(folder)
        except OSError:
            raise _missing(uri) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _missing(uri)
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ResourceExhausted(
                f"The object {uri!r} is larger than {MAX_BYTES} bytes.",
                reason="OBJECT_TOO_LARGE",
                metadata={"uri": uri, "limit": str(MAX_BYTES)},
            )
        return data

    def write(self, uri: str, data: bytes) -> None:
        """Writes an object, whole or not at all; what was there before is replaced.

        Raises:
            FailedPrecondition: it cannot be written.
        """
        *folders, name = _parts(uri)
        temporary = f".{uuid.uuid4()}"
        try:
            folder = self._open(folders, create=True)
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
                with os.fdopen(os.open(temporary, flags, 0o644, dir_fd=folder), "wb") as file:
                    file.write(data)
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            finally:
                os.close(folder)
        except OSError:
            raise FailedPrecondition(
                f"The object {uri!r} cannot be written.",
                reason="OBJECT_NOT_WRITABLE",
                metadata={"uri": uri},
            ) from None

    def files(self, uri: str) -> list[str]:
        """Returns the addresses of all objects below a folder, in order.

        Raises:
            FailedPrecondition: there is no such folder, or nothing in it.
        """
        prefix, found = uri.rstrip("/"), []
        try:
            folder = self._open(_parts(uri))
        except OSError:
            raise _missing(uri) from None
        try:
            for path, _, names, directory in os.fwalk(".", dir_fd=folder):
                for name in names:
                    kind = os.stat(name, dir_fd=directory, follow_symlinks=False)
                    if stat.S_ISREG(kind.st_mode) and not name.startswith("."):
                        found.append(f"{prefix}/{path}/{name}".replace("/./", "/", 1))
        finally:
            os.close(folder)
        if not found:
            raise _missing(uri)
        return sorted(found)

    def _open(self, folders: Sequence[str], *, create: bool = False) -> int:
        descriptor = os.open(self._root, _DIRECTORY)
        for name in folders:
            try:
                if create:  # a link or a file in its place is refused when it is opened
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, dir_fd=descriptor)
                below = open_directory(descriptor, [name])
            finally:
                os.close(descriptor)
            descriptor = below
        return descriptor


def _parts(uri: str) -> list[str]:
    return uri.removeprefix("gs://").rstrip("/").split("/")


def _missing(uri: str) -> FailedPrecondition:
    return FailedPrecondition(
        f"There is no object {uri!r}.", reason="OBJECT_NOT_FOUND", metadata={"uri": uri}
    )
