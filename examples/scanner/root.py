"""The directory that the service may read, and the way to everything below it.

Every step is taken from the directory before it, and a symbolic link is never followed, so nothing
outside is reached: neither by `..`, nor by a link in the tree, nor by one that is swapped in while
a scan runs.
"""

import contextlib
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from examples.scanner.excerpt import excerpt
from longrunning import InvalidArgument

# What opening a step without following links says when there is a link or a file in its place.
NOT_A_DIRECTORY = frozenset({errno.ELOOP, errno.ENOTDIR})

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Root:
    """The directory that the service is configured with.

    Args:
        path: where it is; the way to it may have symbolic links, only what is below may not.

    Raises:
        NotADirectoryError: there is no directory.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        if not self.path.is_dir():
            raise NotADirectoryError(
                f"the scanner's root, {str(path)!r}, is not a directory: set SCANNER_ROOT to one"
            )

    def __repr__(self) -> str:
        return f"Root({str(self.path)!r})"

    @contextlib.contextmanager
    def open(self, directory: str) -> Iterator[int]:
        """Opens a directory, and closes it in the end.

        Args:
            directory: relative to the root, as a request names it; "" is the root itself.

        Returns:
            Its file descriptor.

        Raises:
            InvalidArgument: the path leads out of the root, or not to a directory.
        """
        parts = _parts(directory)
        try:
            descriptor = self._descend(parts)
        except OSError as error:
            raise _refused(directory, error) from None
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _descend(self, parts: Sequence[str]) -> int:
        top = os.open(self.path, _DIRECTORY)
        try:
            return open_directory(top, parts)
        finally:
            os.close(top)

    def check(self, directory: str) -> None:
        """Refuses what `open` would refuse.

        Raises:
            InvalidArgument: the path leads out of the root, or not to a directory.
        """
        with self.open(directory):
            pass


def open_directory(top: int, parts: Sequence[str]) -> int:
    """Returns a new descriptor of the directory that `parts` lead to, without following links.

    Raises:
        OSError: there is none; one of NOT_A_DIRECTORY if there is something else in its place.
    """
    descriptor = os.dup(top)
    for part in parts:
        try:
            below = os.open(part, _DIRECTORY, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _parts(directory: str) -> tuple[str, ...]:
    path = PurePosixPath(directory)
    if path.is_absolute() or ".." in path.parts or "\0" in directory:
        raise _invalid(
            f"The directory {excerpt(directory)!r} leads out of the scanner's root: "
            "expected a path relative to it, without '..', such as 'src/data'.",
            reason="DIRECTORY_OUTSIDE_ROOT",
            directory=directory,
        )
    return path.parts


def _refused(directory: str, error: OSError) -> InvalidArgument:
    if error.errno in NOT_A_DIRECTORY:
        return _invalid(
            f"The directory {excerpt(directory)!r} is, or is reached through, a file or "
            "a symbolic link: expected a directory; links are not followed.",
            reason="NOT_A_DIRECTORY",
            directory=directory,
        )
    if isinstance(error, PermissionError):
        return _invalid(
            f"The directory {excerpt(directory)!r} may not be read by the scanner.",
            reason="DIRECTORY_UNREADABLE",
            directory=directory,
        )
    return _invalid(
        f"There is no directory {excerpt(directory)!r} below the scanner's root.",
        reason="DIRECTORY_NOT_FOUND",
        directory=directory,
    )


def _invalid(message: str, *, reason: str, directory: str) -> InvalidArgument:
    return InvalidArgument(
        message, field="directory", reason=reason, metadata={"directory": excerpt(directory)}
    )
