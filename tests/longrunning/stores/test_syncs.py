"""The disk: strace shows that the log is synced between each write and its acknowledgement.

A control run with `synchronous=OFF` fails the same check.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MISSING = "strace is missing: run `make test`, or sudo apt-get install strace"

_WRITER = """
import asyncio, os, sys
from longrunning import SQLiteStore
from tests.longrunning.stores.records import claimed, new_record

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    if sys.argv[2] == "OFF":
        def turn_off(connection):
            connection.execute("PRAGMA synchronous = OFF")
        await store._writer._put(turn_off, None, writes=False)
    async def call(write):
        await asyncio.sleep(0.02)  # what a call before this one left undone is done by now
        os.write(1, b"requested\\n")
        await write
        os.write(1, b"acknowledged\\n")

    for _ in range(5):
        record = new_record()
        await call(store.create(record, b""))
        await call(store.replace(claimed(record)))
        await call(store.delete(record.name))

asyncio.run(main())
"""

_EVENTS = [
    ("written", re.compile(r"pwrite64\(\d+<[^>]*-wal>")),
    ("synced", re.compile(r"fdatasync\(\d+<[^>]*-wal>\)\s+= 0")),
    ("requested", re.compile(r'write\(1<[^>]*>, "requested')),
    ("acknowledged", re.compile(r'write\(1<[^>]*>, "acknowledged')),
]
_UNFINISHED = re.compile(r"^(\d+) (.*?) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) <\.\.\. \w+ resumed>(.*)$")


def events(trace: str) -> list[str]:
    """What happened, in order; a system call happened when it returned."""
    happened, begun = [], {}
    for line in trace.splitlines():
        text = line
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished[1]] = unfinished[2]
            continue
        if resumed := _RESUMED.match(line):
            text = begun.pop(resumed[1]) + resumed[2]
        happened += [name for name, pattern in _EVENTS if pattern.search(text)]
    return happened


def every_acknowledgement_is_synced(happened: list[str]) -> bool:
    """Whether each call has a write, and then a sync with no write after it, before its answer."""
    since: list[str] = []
    for event in happened:
        if event == "requested":
            since = []
        elif event != "acknowledged":
            since.append(event)
        elif "written" not in since or since[-1] != "synced":
            return False
    return True


# On Linux, and so in CI, it always runs, and fails where strace is missing.
@pytest.mark.skipif(sys.platform != "linux", reason="strace is a tool of Linux")
@pytest.mark.parametrize(("synchronous", "safe"), [("FULL", True), ("OFF", False)])
def test_what_is_acknowledged_was_synced(tmp_path: Path, synchronous: str, *, safe: bool) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.fail(MISSING)
    trace = tmp_path / "trace"
    calls = "trace=pwrite64,fdatasync,fsync,write"
    path = tmp_path / "operations.db"
    subprocess.run(
        [
            *(strace, "-f", "-y", "-e", calls, "-o", trace),
            *(sys.executable, "-c", _WRITER, path, synchronous),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    happened = events(trace.read_text())
    assert happened.count("acknowledged") == 15
    assert every_acknowledgement_is_synced(happened) is safe
