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


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))
