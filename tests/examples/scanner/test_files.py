"""What the digests of files are, also while somebody writes to them."""

import os
from pathlib import Path

import pytest

from examples.scanner.files import CHUNK_BYTES, Digest, digest
from longrunning import Aborted, FailedPrecondition
from tests.examples.scanner.conftest import open_descriptors, sha256


def nothing(_: int) -> None:
    """Is told how much was read, and does not care."""


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]
)
def test_a_digest_is_that_of_hashlib(tree: Path, top: int, size: int):
    content = os.urandom(size)
    (tree / "b" / "file").write_bytes(content)
    read: list[int] = []
    assert digest(top, "b/file", read.append) == Digest(size, sha256(content))
    assert read == sorted({*range(CHUNK_BYTES, size, CHUNK_BYTES), size} - {0})


def test_a_callback_that_raises_ends_the_reading_within_the_file(tree: Path, top: int):
    os.truncate(tree / "a.txt", 1024**4)  # which takes an hour to read

    class StopError(Exception):
        pass

    def stop(read: int) -> None:
        if read >= 3 * CHUNK_BYTES:
            raise StopError(read)

    before = open_descriptors(tree)
    with pytest.raises(StopError, match=str(3 * CHUNK_BYTES)):
        digest(top, "a.txt", stop)
    assert open_descriptors(tree) == before


@pytest.mark.parametrize("path", ["gone", "b/gone/file", "a.txt/file"])
def test_a_file_that_has_vanished_has_no_digest(top: int, path: str):
    assert digest(top, path, nothing) is None


def test_a_link_in_place_of_a_file_or_its_directory_is_not_followed(tree: Path, top: int):
    (tree.parent / "secret").mkdir()
    (tree.parent / "secret" / "file").write_bytes(b"secret")
    (tree / "link").symlink_to(tree.parent / "secret" / "file")
    (tree / "directory").symlink_to(tree.parent / "secret")
    assert digest(top, "link", nothing) is None
    assert digest(top, "directory/file", nothing) is None


def test_a_pipe_in_place_of_a_file_neither_blocks_nor_counts(tree: Path, top: int):
    os.mkfifo(tree / "pipe")
    assert digest(top, "pipe", nothing) is None


def test_a_file_that_may_not_be_read_fails_the_scan(unprivileged: Path):
    (unprivileged / "private").touch(mode=0)
    top = os.open(unprivileged, os.O_RDONLY)
    with pytest.raises(FailedPrecondition) as raised:
        digest(top, "private", nothing)
    os.close(top)
    assert raised.value.message == "'private' cannot be read: permission denied."
    assert raised.value.metadata == {"path": "private", "error": "permission denied"}


def rewrite(path: Path, content: bytes, *, second: int) -> None:
    """Writes a file with a modification time of its own, however coarse the clock of the disk."""
    path.write_bytes(content)
    os.utime(path, (second, second))


def test_a_file_that_changes_is_read_again_from_its_start(tree: Path, top: int):
    path = tree / "a.txt"
    rewrite(path, b"old" * CHUNK_BYTES, second=1)
    new = b"new" * CHUNK_BYTES
    read: list[int] = []

    def change_once(size: int) -> None:
        read.append(size)
        if len(read) == 1:
            rewrite(path, new, second=2)

    assert digest(top, "a.txt", change_once) == Digest(len(new), sha256(new))
    assert read == 2 * [CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES]


@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_changes_all_the_time_fails_the_scan(tree: Path, top: int, grows: bool):
    path = tree / "a.txt"
    reads = 0

    def change(_: int) -> None:
        nonlocal reads
        reads += 1
        rewrite(path, b"x" * (reads + 5 if grows else 5), second=reads)

    with pytest.raises(Aborted) as raised:
        digest(top, "a.txt", change)
    assert raised.value.message == (
        "The file 'a.txt' changes while it is read: scan it again when nobody writes to it."
    )
    assert raised.value.reason == "FILE_CHANGES"
    assert reads >= 3
