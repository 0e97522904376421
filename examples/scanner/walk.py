"""The files of a directory tree.

What counts is a regular file. Symbolic links, sockets, pipes and devices are left out, and never
opened. One directory is open at a time, however deep the tree is, and the way back from it is one
step up: a walk takes as long as there are entries, not as they are deep.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from examples.scanner.files import has_vanished, unreadable
from examples.scanner.root import open_directory
from longrunning import FailedPrecondition

_UP = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as the walk found it; its size may have changed since.

    Attributes:
        path: relative to the scanned directory, with `/` between its parts.
        size: in bytes.
    """

    path: str
    size: int


def find_files(top: int, on_other: Callable[[], None]) -> Iterator[FoundFile]:
    """Yields the files below an open directory, in no order.

    Args:
        top: the open directory.
        on_other: called for every entry that is not a file, so that whoever walks comes to hear of
            each entry, and may stop there by raising.

    Raises:
        FailedPrecondition: a directory cannot be read, or a name is not UTF-8.
    """
    walk = _Walk(top)
    try:
        yield from walk.enter(on_other)
        while walk.way:
            if not walk.way[-1].directories:
                walk.leave()
            elif walk.descend():
                yield from walk.enter(on_other)
    finally:
        os.close(walk.here)


@dataclass(slots=True)
class _Level:
    """A directory on the way from the top: what it is called, which one it is, what it still has.

    No path, since the paths of a deep way would be longer than the way by far.
    """

    name: str
    identity: tuple[int, int]
    directories: list[str] = field(default_factory=list)


class _Walk:
    """Where a walk is: in one open directory, below those that it is going to come back to."""

    def __init__(self, top: int) -> None:
        self._top = top
        self.here = os.dup(top)
        self.way = [_Level("", _identity(self.here))]

    def enter(self, on_other: Callable[[], None]) -> Iterator[FoundFile]:
        """Yields the files of this directory, and keeps its directories for later."""
        level, prefix = self.way[-1], None
        try:
            found = os.scandir(self.here)
        except OSError as error:
            raise unreadable(self.path(), error) from None
        with found as entries:
            for entry in entries:
                self._check(entry.name)
                if entry.is_file(follow_symlinks=False):
                    prefix = self.path("") if prefix is None else prefix
                    path = prefix + entry.name
                    if (size := _size_of(entry, path)) is not None:
                        yield FoundFile(path, size)
                        continue
                elif entry.is_dir(follow_symlinks=False):
                    level.directories.append(entry.name)
                on_other()

    def descend(self) -> bool:
        """Goes into the next directory below; returns whether it is still there."""
        name = self.way[-1].directories.pop()
        try:
            below = open_directory(self.here, [name])
        except OSError as error:
            if has_vanished(error):
                return False
            raise unreadable(self.path(name), error) from None
        self._go(below)
        self.way.append(_Level(name, _identity(below)))
        return True

    def leave(self) -> None:
        """Goes back to the directory above; if it has vanished, nothing is left to do there."""
        self.way.pop()
        if not self.way:
            return
        above = self._above()
        if above is None:
            above = self._again()
        if above is None:
            self.way[-1].directories.clear()
        else:
            self._go(above)

    def _above(self) -> int | None:
        """Returns the directory above, or None: we, or it, may have been moved elsewhere."""
        try:
            above = os.open("..", _UP, dir_fd=self.here)
        except OSError:
            return None
        if _identity(above) == self.way[-1].identity:
            return above
        os.close(above)
        return None

    def _again(self) -> int | None:
        """Returns the directory above by the way that led there, or None if it has vanished."""
        try:
            return open_directory(self._top, [level.name for level in self.way[1:]])
        except OSError as error:
            if has_vanished(error):
                return None
            raise unreadable(self.path(), error) from None

    def _go(self, descriptor: int) -> None:
        os.close(self.here)
        self.here = descriptor

    def _check(self, name: str) -> None:
        if not name.isprintable():  # which a name that is not UTF-8 never is
            try:
                name.encode()
            except UnicodeEncodeError:
                shown = os.fsencode(self.path(name)).decode(errors="backslashreplace")
                raise FailedPrecondition(
                    f"The name of the file {shown!r} is not UTF-8: rename it.",
                    reason="FILE_NAME_NOT_UTF8",
                    metadata={"path": shown},
                ) from None

    def path(self, *names: str) -> str:
        """The path of this directory, or of what is called so in it."""
        return "/".join([*(level.name for level in self.way[1:]), *names])


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _size_of(entry: "os.DirEntry[str]", path: str) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError as error:
        if has_vanished(error):
            return None
        raise unreadable(path, error) from None
