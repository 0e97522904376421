import contextlib
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


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))
