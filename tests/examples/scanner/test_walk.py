"""Which files count, in trees that are deep, change, or may not be read."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from examples.scanner import walk
from examples.scanner.walk import FoundFile, find_files
from longrunning import FailedPrecondition
from tests.examples.scanner.conftest import deep, open_descriptors


def nothing() -> None:
    """Is told of an entry, and does not care."""


def test_finds_the_files_of_all_directories(top: int):
    assert sorted(find_files(top, nothing), key=lambda found: found.path) == [
        FoundFile("a.txt", 5),
        FoundFile("b.txt", 4),
        FoundFile("b/.hidden", 0),
        FoundFile("b/deep/ünïcode name", 5000),
    ]


def test_finds_nothing_in_an_empty_directory(tmp_path: Path):
    top = os.open(tmp_path, os.O_RDONLY)
    assert list(find_files(top, nothing)) == []
    os.close(top)


def test_leaves_out_whatever_is_not_a_regular_file(tree: Path, top: int):
    expected = list(find_files(top, nothing))
    (tree / "link to a file").symlink_to("a.txt")
    (tree / "link to a directory").symlink_to("b")
    (tree / "link to itself").symlink_to(".")
    (tree / "link out").symlink_to("/etc")
    (tree / "dangling").symlink_to("nowhere")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(tree / "socket"))
        assert list(find_files(top, nothing)) == expected


def test_a_name_that_is_not_utf_8_fails_the_scan(tree: Path, top: int):
    Path(os.fsdecode(os.fsencode(tree / "b") + b"/caf\xe9")).touch()
    with pytest.raises(FailedPrecondition) as raised:
        list(find_files(top, nothing))
    assert raised.value.message == r"The name of the file 'b/caf\\xe9' is not UTF-8: rename it."
    assert raised.value.reason == "FILE_NAME_NOT_UTF8"


def test_a_directory_that_may_not_be_read_fails_the_scan(unprivileged: Path):
    (unprivileged / "private").mkdir(mode=0)
    top = os.open(unprivileged, os.O_RDONLY)
    with pytest.raises(FailedPrecondition) as raised:
        list(find_files(top, nothing))
    os.close(top)
    assert raised.value.message == "'private' cannot be read: permission denied."
    assert raised.value.reason == "FILE_UNREADABLE"


def test_a_directory_that_vanishes_during_the_walk_is_left_out(tree: Path, top: int):
    found = find_files(top, nothing)
    first = next(found)
    (tree / "b" / "deep" / "ünïcode name").unlink()
    (tree / "b" / "deep").rmdir()
    assert "b/deep/ünïcode name" not in {file.path for file in (first, *found)}


def test_a_scanned_directory_that_may_not_be_read_fails_the_scan(monkeypatch, top: int):
    def refuse(_: int) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(walk.os, "scandir", refuse)
    with pytest.raises(FailedPrecondition) as raised:
        list(find_files(top, nothing))
    assert raised.value.message == "The directory cannot be read: permission denied."


def test_every_entry_is_heard_of(tree: Path, top: int):
    (tree / "link").symlink_to("a.txt")
    heard: list[int] = []
    files = list(find_files(top, lambda: heard.append(1)))
    assert (len(files), len(heard)) == (4, 4)  # 3 directories and the link


def test_a_deep_tree_takes_few_steps_and_two_descriptors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    top, before, most = os.open(tmp_path, os.O_RDONLY), open_descriptors(tmp_path), 0
    opens, really_open = 0, os.open

    def counted(*arguments, **options):
        nonlocal opens
        opens += 1
        return really_open(*arguments, **options)

    def count() -> None:
        nonlocal most
        most = max(most, open_descriptors(tmp_path))

    with deep(tmp_path, 1500):
        with monkeypatch.context() as patched:
            patched.setattr(os, "open", counted)
            assert list(find_files(top, nothing)) == []
        assert opens < 10 * 1500  # from the top each time, it would be a million
        assert list(find_files(top, count)) == []
    assert most <= before + 3  # here, the listing, and that of deep()
    assert open_descriptors(tmp_path) == before
    os.close(top)


def test_what_is_raised_ends_the_walk_of_a_deep_tree_and_closes_it(tmp_path: Path):
    class StopError(Exception):
        pass

    heard = 0

    def stop() -> None:
        nonlocal heard
        heard += 1
        if heard == 700:
            raise StopError

    top = os.open(tmp_path, os.O_RDONLY)
    with deep(tmp_path, 1500):
        before = open_descriptors(tmp_path)
        with pytest.raises(StopError):
            list(find_files(top, stop))
        assert open_descriptors(tmp_path) == before
    os.close(top)


@pytest.fixture
def forked(tmp_path: Path) -> Path:
    """Two branches, each with a file at its end, so that the walk has to come back from one."""
    forked = tmp_path / "forked"
    for branch in ("a", "b"):
        (forked / "stem" / branch / "end").mkdir(parents=True)
        (forked / "stem" / branch / "end" / "file").touch()
    return forked


def paths_while(root: Path, change) -> list[str]:
    """The paths that are found if `change` is made when the first one has been."""
    top = os.open(root, os.O_RDONLY)
    try:
        found = find_files(top, nothing)
        first = next(found).path
        change(first.split("/")[1])
        return [first, *(file.path for file in found)]
    finally:
        os.close(top)


def test_a_directory_that_is_moved_away_does_not_take_the_walk_along(forked: Path, tmp_path: Path):
    (tmp_path / "elsewhere" / "secret").mkdir(parents=True)
    (tmp_path / "elsewhere" / "secret" / "file").touch()

    def move(branch: str) -> None:
        (forked / "stem" / branch / "end").rename(tmp_path / "elsewhere" / "end")

    assert sorted(paths_while(forked, move)) == ["stem/a/end/file", "stem/b/end/file"]


def test_a_way_back_that_has_vanished_ends_there(forked: Path, tmp_path: Path):
    def remove(branch: str) -> None:
        (forked / "stem" / branch / "end").rename(tmp_path / "end")
        shutil.rmtree(forked / "stem")

    assert len(paths_while(forked, remove)) == 1


def test_a_link_in_place_of_the_way_back_is_not_followed(forked: Path, tmp_path: Path):
    def swap(branch: str) -> None:
        (forked / "stem" / branch / "end").rename(tmp_path / "end")
        (forked / "stem").rename(tmp_path / "moved")
        (forked / "stem").symlink_to(tmp_path / "moved")

    assert len(paths_while(forked, swap)) == 1
