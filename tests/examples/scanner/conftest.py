import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_NOBODY = 65534


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small tree with something of every kind that there is in trees."""
    tree = tmp_path / "tree"
    (tree / "b" / "deep").mkdir(parents=True)
    (tree / "empty").mkdir()
    (tree / "a.txt").write_bytes(b"alpha")
    (tree / "b" / "deep" / "ünïcode name").write_bytes(b"below" * 1000)
    (tree / "b" / ".hidden").write_bytes(b"")
    (tree / "b.txt").write_bytes(b"beta")
    return tree


@pytest.fixture
def top(tree: Path) -> Iterator[int]:
    descriptor = os.open(tree, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """An empty directory of a user to whom permissions mean something, who we are meanwhile."""
    with tempfile.TemporaryDirectory() as directory:
        if os.geteuid() != 0:
            yield Path(directory)
            return
        os.chown(directory, _NOBODY, _NOBODY)
        os.seteuid(_NOBODY)
        try:
            yield Path(directory)
        finally:
            os.seteuid(0)


@contextlib.contextmanager
def deep(top: Path, depth: int) -> Iterator[None]:
    """Empty directories in one another, too deep for any path to the last of them."""
    here = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("below", dir_fd=here)
        here = _go(here, "below")
    try:
        yield
    finally:
        for _ in range(depth):
            here = _go(here, "..")
            os.rmdir("below", dir_fd=here)
        os.close(here)


def _go(here: int, step: str) -> int:
    there = os.open(step, os.O_RDONLY, dir_fd=here)
    os.close(here)
    return there


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def open_descriptors(top: Path) -> int:
    """Returns how many descriptors of a directory, and of what is in it, are open.

    Others close theirs meanwhile, as gRPC does of the connections of earlier tests.
    """
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += descriptor.readlink().is_relative_to(top)
        except FileNotFoundError:  # the one that lists
            pass
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # as those of `deep` are
                raise
            count += 1
    return count
