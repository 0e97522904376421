"""A scan from its first directory entry to its manifest."""

from collections.abc import Callable

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from examples.scanner.files import digest
from examples.scanner.root import Root
from examples.scanner.walk import FoundFile, find_files
from longrunning import ResourceExhausted

_SHA256_DIGITS = 64


class Scan:
    """Digests every file below a directory; blocks, so it belongs into a thread.

    Args:
        root: what may be read.
        directory: below it, as a request names it.
        max_manifest_bytes: how large the manifest may become.
        checkpoint: called with the latest state for every directory entry and every chunk of a
            file; the scan ends there if it raises.
    """

    def __init__(
        self,
        root: Root,
        directory: str,
        *,
        max_manifest_bytes: int,
        checkpoint: Callable[[ScanMetadata], None],
    ) -> None:
        self._root = root
        self._directory = directory
        self._max_manifest_bytes = max_manifest_bytes
        self._checkpoint = checkpoint
        self._state = ScanMetadata()

    def run(self) -> Manifest:
        """Reads everything, and returns the manifest.

        Raises:
            InvalidArgument: the directory is not there, or leads out of the root.
            FailedPrecondition: something cannot be read.
            Aborted: a file changes all the time.
            ResourceExhausted: there are more files than a manifest can hold.
        """
        manifest = Manifest()
        with self._root.open(self._directory) as top:
            for found in self._find(top):
                before = self._state.bytes_done
                digested = digest(top, found.path, lambda size: self._advance(before + size))  # noqa: B023 - called at once
                self._state.files_done += 1
                self._advance(before + found.size)
                if digested:
                    manifest.files.add(path=found.path, size=digested.size, sha256=digested.sha256)
                    manifest.bytes_total += digested.size
        self._state.progress_percent = 100
        self._checkpoint(self._state)
        return manifest

    def _find(self, top: int) -> list[FoundFile]:
        """Returns all files in the manifest's order, once it is clear that it can hold them."""
        files, room = [], self._max_manifest_bytes
        for found in find_files(top, lambda: self._checkpoint(self._state)):
            files.append(found)
            room -= _entry_bytes(found)
            if room < 0:
                raise ResourceExhausted(
                    f"There are too many files: with {len(files)} the manifest would be larger "
                    f"than {self._max_manifest_bytes} bytes. Scan a smaller directory.",
                    reason="MANIFEST_TOO_LARGE",
                    metadata={"files": str(len(files)), "limit": str(self._max_manifest_bytes)},
                )
            self._state.files_total += 1
            self._state.bytes_total += found.size
            self._checkpoint(self._state)
        return sorted(files, key=lambda found: found.path)

    def _advance(self, bytes_done: int) -> None:
        self._state.bytes_done = bytes_done
        # 100 is for the end: the files may have grown since they were counted.
        self._state.progress_percent = min(99, 100 * bytes_done // max(1, self._state.bytes_total))
        self._checkpoint(self._state)


def _entry_bytes(found: FoundFile) -> int:
    """Returns how many bytes of the manifest a file takes; every digest is of the same length."""
    entry = Manifest.File(path=found.path, size=found.size, sha256="0" * _SHA256_DIGITS)
    return int(Manifest(files=[entry]).ByteSize())
