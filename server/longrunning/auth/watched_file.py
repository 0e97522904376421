"""A file that is read again when it has changed."""

import os
from pathlib import Path


class WatchedFile:
    """Tells whether a file is another one than when it was read last.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._name = os.fspath(path)
        self._seen: tuple[int, ...] | None = None

    def read(self) -> bytes:
        """Returns what is in it.

        Raises:
            OSError: it cannot be read.
        """
        # Looked at first: what changes while it is read is read again.
        self._seen = self._look()
        return self.path.read_bytes()

    @property
    def has_changed(self) -> bool:
        """Whether it is worth reading again: once, too, when it is gone."""
        return self._look() != self._seen

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._name)  # noqa: PTH116 - each call comes here: half of Path.stat
        except OSError:
            return None
        # The time of the last change is also that of its mode, which may have kept it from us.
        return (found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino)
