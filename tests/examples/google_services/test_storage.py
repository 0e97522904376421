"""The files that the services may touch, and those that they may not."""

import os
from pathlib import Path

import pytest

from examples.google_services import storage as module
from examples.google_services.storage import Storage
from longrunning import FailedPrecondition, InvalidArgument, ResourceExhausted


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the buckets are, beside something that must not be reached."""
    (tmp_path / "secret").write_bytes(b"secret")
    buckets = tmp_path / "buckets"
    (buckets / "b" / "deep").mkdir(parents=True)
    (buckets / "b" / "one").write_bytes(b"1")
    (buckets / "b" / "deep" / "two").write_bytes(b"2")
    (buckets / "b" / "link").symlink_to(tmp_path / "secret")
    (buckets / "b" / "out").symlink_to(tmp_path)
    os.mkfifo(buckets / "b" / "pipe")
    return buckets


def test_a_root_that_is_no_directory_is_refused(root: Path) -> None:
    with pytest.raises(NotADirectoryError, match="set GOOGLE_SERVICES_ROOT to one"):
        Storage(root / "nowhere")


@pytest.mark.parametrize("uri", ["gs://b/one", "gs://b/a/b/c", "gs://b/ünïcode and a space"])
def test_an_object_has_an_address(root: Path, uri: str) -> None:
    Storage(root).check(uri, "uri")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "b/one",
        "gs://",
        "gs://b",
        "gs:///one",
        "gs://b//one",
        "gs://b/../one",
        "gs://../one",
        "gs://./one",
        "gs://b/o\0ne",
        "gs://b/o\nne",
        "s3://b/one",
        "/etc/passwd",
        f"gs://b/{'x' * 1024}",
    ],
)
def test_nothing_else_is_an_address(root: Path, uri: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Storage(root).check(uri, "audio.uri")
    assert refused.value.reason == "INVALID_STORAGE_URI"
    assert refused.value.metadata["field"] == "audio.uri"


def test_a_folder_may_be_a_bucket(root: Path) -> None:
    Storage(root).check("gs://b", "folder", is_object=False)


def test_what_is_written_is_read(root: Path) -> None:
    storage = Storage(root)
    for data in (b"first", b"second"):
        storage.write("gs://new/a/b", data)
        assert storage.read("gs://new/a/b") == data
    assert [path.name for path in (root / "new" / "a").iterdir()] == ["b"]


def test_a_folder_lists_its_files_and_nothing_else(root: Path) -> None:
    assert Storage(root).files("gs://b/") == ["gs://b/deep/two", "gs://b/one"]
    assert Storage(root).files("gs://b/deep") == ["gs://b/deep/two"]


@pytest.mark.parametrize("name", ["link", "out/secret", "pipe", "deep", "none", "one/below"])
def test_what_is_no_file_below_the_root_is_not_read(root: Path, name: str) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        Storage(root).read(f"gs://b/{name}")
    assert refused.value.message == f"There is no object 'gs://b/{name}'."


@pytest.mark.parametrize("name", ["out/new", "one/below", "deep"])
def test_nothing_is_written_where_it_cannot_be(root: Path, name: str) -> None:
    with pytest.raises(FailedPrecondition) as refused:
        Storage(root).write(f"gs://b/{name}", b"data")
    assert refused.value.reason == "OBJECT_NOT_WRITABLE"
    assert not (root.parent / "new").exists()
    assert not [path for path in root.rglob(".*") if path.is_file()]


def test_a_link_is_replaced_by_what_is_written(root: Path) -> None:
    Storage(root).write("gs://b/link", b"data")
    assert (root.parent / "secret").read_bytes() == b"secret"
    assert (root / "b" / "link").read_bytes() == b"data"


@pytest.mark.parametrize("name", ["out", "none", "one"])
def test_what_is_no_folder_below_the_root_is_not_listed(root: Path, name: str) -> None:
    with pytest.raises(FailedPrecondition):
        Storage(root).files(f"gs://b/{name}")


def test_what_is_too_large_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 3)
    (root / "b" / "one").write_bytes(b"1234")
    with pytest.raises(ResourceExhausted):
        Storage(root).read("gs://b/one")
