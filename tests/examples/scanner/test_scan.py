"""A scan whole: its manifest, its progress, and how it ends early."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from examples.scanner.files import CHUNK_BYTES
from examples.scanner.root import Root
from examples.scanner.scan import Scan
from longrunning import InvalidArgument, ResourceExhausted
from tests.examples.scanner.conftest import deep, sha256

MIB = 1024 * 1024


class States(list[ScanMetadata]):
    """Keeps every state that a scan goes through."""

    def __call__(self, metadata: ScanMetadata) -> None:
        self.append(ScanMetadata.FromString(metadata.SerializeToString()))


@pytest.fixture
def states() -> States:
    return States()


def run(
    root: Path, directory: str, checkpoint: Callable[[ScanMetadata], None], *, limit: int = MIB
) -> Manifest:
    return Scan(Root(root), directory, max_manifest_bytes=limit, checkpoint=checkpoint).run()


def test_the_manifest_has_every_file_in_the_order_of_the_paths(tree: Path, states: States):
    manifest = run(tree, "", states)
    contents = {
        "a.txt": b"alpha",
        "b.txt": b"beta",
        "b/.hidden": b"",
        "b/deep/ünïcode name": b"below" * 1000,
    }
    assert list(manifest.files) == [
        Manifest.File(path=path, size=len(content), sha256=sha256(content))
        for path, content in contents.items()
    ]
    assert manifest.bytes_total == 5009


def test_paths_are_relative_to_the_directory(tree: Path, states: States):
    assert [file.path for file in run(tree, "b", states).files] == [
        ".hidden",
        "deep/ünïcode name",
    ]


@pytest.mark.parametrize("empty_file", [True, False])
def test_a_scan_without_bytes_ends_at_100_percent(tmp_path: Path, states: States, empty_file: bool):
    if empty_file:
        (tmp_path / "file").touch()
    manifest = run(tmp_path, "", states)
    assert len(manifest.files) == empty_file
    assert [state.progress_percent for state in states[:-1]] == [0] * len(states[:-1])
    assert states[-1] == ScanMetadata(
        files_total=len(manifest.files), files_done=len(manifest.files), progress_percent=100
    )


def test_progress_is_counted_by_bytes_and_never_goes_back(tmp_path: Path, states: States):
    for number in range(4):
        (tmp_path / f"{number}").write_bytes(bytes(CHUNK_BYTES))
    run(tmp_path, "", states)
    finding, reading = states[:4], states[4:]
    assert [state.files_total for state in finding] == [1, 2, 3, 4]
    assert all(state.progress_percent == 0 for state in finding)
    assert {state.bytes_total for state in reading} == {4 * CHUNK_BYTES}
    percents = [state.progress_percent for state in reading]
    assert percents == sorted(percents)
    assert sorted(set(percents)) == [25, 50, 75, 99, 100]
    assert states[-1] == ScanMetadata(
        files_total=4,
        files_done=4,
        bytes_total=4 * CHUNK_BYTES,
        bytes_done=4 * CHUNK_BYTES,
        progress_percent=100,
    )


def test_a_file_that_has_grown_does_not_bring_progress_over_its_end(tmp_path: Path):
    path, percents = tmp_path / "file", []
    path.write_bytes(b"x")

    def grow(state: ScanMetadata) -> None:
        percents.append(state.progress_percent)
        if len(percents) == 1:
            path.write_bytes(bytes(3 * CHUNK_BYTES))

    manifest = run(tmp_path, "", grow)
    assert manifest.files[0].size == manifest.bytes_total == 3 * CHUNK_BYTES
    assert percents == [0, 99, 99, 99, 99, 100]


def test_a_file_that_vanishes_is_left_out_and_counted_as_done(tree: Path, states: States):
    def checkpoint(state: ScanMetadata) -> None:
        states(state)
        if state.files_done == 1:
            (tree / "b.txt").unlink(missing_ok=True)

    manifest = run(tree, "", checkpoint)
    assert [file.path for file in manifest.files] == ["a.txt", "b/.hidden", "b/deep/ünïcode name"]
    assert (states[-1].files_done, states[-1].files_total) == (4, 4)
    assert manifest.bytes_total == 5005


def test_what_the_checkpoint_raises_ends_the_scan_within_a_file(tmp_path: Path):
    (tmp_path / "file").touch()
    os.truncate(tmp_path / "file", 1024**4)

    class StopError(Exception):
        pass

    def stop(state: ScanMetadata) -> None:
        if state.bytes_done:
            raise StopError(state.bytes_done)

    with pytest.raises(StopError, match=str(CHUNK_BYTES)):
        run(tmp_path, "", stop)


def test_a_tree_with_more_files_than_a_manifest_holds_is_refused_before_it_is_read(
    tmp_path: Path, states: States
):
    for number in range(10):
        (tmp_path / f"file {number}").write_bytes(b"x")
    size = run(tmp_path, "", states).ByteSize() - 2  # bytes_total: a tag and a byte
    assert len(run(tmp_path, "", states, limit=size).files) == 10
    states.clear()
    with pytest.raises(ResourceExhausted) as raised:
        run(tmp_path, "", states, limit=size - 1)
    assert raised.value.message == (
        f"There are too many files: with 10 the manifest would be larger than {size - 1} bytes. "
        "Scan a smaller directory."
    )
    assert raised.value.reason == "MANIFEST_TOO_LARGE"
    assert not any(state.bytes_done for state in states)


def test_what_the_checkpoint_raises_ends_the_scan_of_a_deep_tree_without_files(tmp_path: Path):
    class StopError(Exception):
        pass

    calls = 0

    def stop(_: ScanMetadata) -> None:
        nonlocal calls
        calls += 1
        if calls == 1000:
            raise StopError

    with deep(tmp_path, 1500):
        begun = time.monotonic()
        with pytest.raises(StopError):
            run(tmp_path, "", stop)
        assert time.monotonic() - begun < 30  # on a busy machine; a scan of it all would not end


def test_a_directory_that_is_gone_when_the_scan_begins_is_refused(tree: Path, states: States):
    with pytest.raises(InvalidArgument, match=r"^There is no directory 'gone' below"):
        run(tree, "gone", states)
