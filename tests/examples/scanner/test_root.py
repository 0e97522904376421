"""What may be scanned: directories below the root, reached without links, and nothing else."""

import os
from pathlib import Path

import pytest

from examples.scanner.root import Root, open_directory
from longrunning import InvalidArgument
from tests.examples.scanner.conftest import open_descriptors

OUTSIDE = (
    "The directory {!r} leads out of the scanner's root: "
    "expected a path relative to it, without '..', such as 'src/data'."
)
NOT_A_DIRECTORY = (
    "The directory {!r} is, or is reached through, a file or a symbolic link: "
    "expected a directory; links are not followed."
)
NOT_FOUND = "There is no directory {!r} below the scanner's root."


@pytest.fixture
def root(tree: Path) -> Root:
    (tree.parent / "secret").mkdir()
    (tree / "out").symlink_to(tree.parent / "secret")
    (tree / "up").symlink_to("..")
    (tree / "within").symlink_to("b")
    os.mkfifo(tree / "pipe")
    return Root(tree)


@pytest.mark.parametrize(
    ("directory", "files"),
    [
        ("", {"a.txt", "b.txt", "b", "empty", "out", "up", "within", "pipe"}),
        (".", {"a.txt", "b.txt", "b", "empty", "out", "up", "within", "pipe"}),
        ("b", {"deep", ".hidden"}),
        ("b/", {"deep", ".hidden"}),
        ("./b//deep", {"ünïcode name"}),
        ("empty", set()),
    ],
)
def test_opens_a_directory_below_the_root(root: Root, directory: str, files: set[str]):
    with root.open(directory) as descriptor:
        assert set(os.listdir(descriptor)) == files  # noqa: PTH208 - a Path cannot be of a descriptor
    root.check(directory)


@pytest.mark.parametrize(
    ("directory", "reason", "message"),
    [
        ("..", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("b/../..", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("b/..", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("/", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("//b", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("b\0", "DIRECTORY_OUTSIDE_ROOT", OUTSIDE),
        ("out", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("up/tree", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("within", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("within/deep", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("a.txt", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("a.txt/b", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("pipe", "NOT_A_DIRECTORY", NOT_A_DIRECTORY),
        ("missing", "DIRECTORY_NOT_FOUND", NOT_FOUND),
        ("b/missing/deep", "DIRECTORY_NOT_FOUND", NOT_FOUND),
        ("...", "DIRECTORY_NOT_FOUND", NOT_FOUND),
        ("%2e%2e", "DIRECTORY_NOT_FOUND", NOT_FOUND),
    ],
)
def test_refuses_what_leads_elsewhere(root: Root, directory: str, reason: str, message: str):
    with pytest.raises(InvalidArgument) as raised:
        root.check(directory)
    error = raised.value
    assert (error.message, error.reason) == (message.format(directory), reason)
    assert error.metadata == {"field": "directory", "directory": directory}


@pytest.mark.parametrize("directory", ["x" * 101, "x" * 5000, "x/" * 3000, "/" + "x" * 5000])
def test_a_long_name_is_cut_in_what_is_said_of_it(root: Root, directory: str):
    shown = f"{directory[:100]}... ({len(directory)} characters)"
    with pytest.raises(InvalidArgument) as raised:
        root.check(directory)
    assert repr(shown) in raised.value.message
    assert len(raised.value.message) < 300
    assert raised.value.metadata == {"field": "directory", "directory": shown}


def test_refuses_a_directory_that_may_not_be_read(unprivileged: Path):
    (unprivileged / "private").mkdir(mode=0)
    with pytest.raises(InvalidArgument) as raised:
        Root(unprivileged).check("private")
    assert raised.value.message == "The directory 'private' may not be read by the scanner."
    assert raised.value.reason == "DIRECTORY_UNREADABLE"


def test_refuses_everything_once_the_root_is_gone(tmp_path: Path):
    (tmp_path / "root").mkdir()
    root = Root(tmp_path / "root")
    (tmp_path / "root").rmdir()
    with pytest.raises(InvalidArgument) as raised:
        root.check("")
    assert raised.value.message == "There is no directory '' below the scanner's root."


def test_the_root_itself_may_be_reached_through_a_link(tree: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(tree)
    root = Root(tmp_path / "link")
    assert root.path == tree
    root.check("b")


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_a_root_has_to_be_a_directory(tmp_path: Path, kind: str):
    path = tmp_path / kind
    if kind == "file":
        path.touch()
    with pytest.raises(NotADirectoryError) as raised:
        Root(path)
    assert str(raised.value) == (
        f"the scanner's root, {str(path)!r}, is not a directory: set SCANNER_ROOT to one"
    )


def test_leaves_no_descriptor_open(tree: Path, root: Root):
    before = open_descriptors(tree.parent)
    root.check("b/deep")
    for directory in ("b/missing", "..", "out", "a.txt/b"):
        with pytest.raises(InvalidArgument):
            root.check(directory)
    assert open_descriptors(tree.parent) == before


def test_opening_a_path_does_not_follow_a_link_that_was_swapped_in(tree: Path):
    top = os.open(tree, os.O_RDONLY)
    try:
        os.close(open_directory(top, ["b", "deep"]))
        (tree / "b").rename(tree.parent / "moved")
        (tree / "b").symlink_to(tree.parent / "moved")
        with pytest.raises(NotADirectoryError):
            open_directory(top, ["b", "deep"])
    finally:
        os.close(top)
