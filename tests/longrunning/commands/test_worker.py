"""`lro worker`: what it refuses, in one line, before it works."""

import subprocess

import pytest

from tests.longrunning.commands.conftest import LRO

NO_MEMORY = (
    "lro: a worker finds its work where other processes put it, and they cannot reach memory: "
    "give --store postgresql://... or --store sqlite:///PATH\n"
)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), NO_MEMORY),
        (("--store", "memory:"), NO_MEMORY),
        (
            ("--store", "sqlite:///operations.db", "--lease", "1e300"),
            "lro: working for shop:app failed: ValueError: the lease is 1e+300 seconds: "
            "expected from 0 to 31557600000, a thousand years\n",
        ),
    ],
    ids=["memory of the app", "memory", "long lease"],
)
def test_what_cannot_work_is_refused(tmp_path, options, line):
    (tmp_path / "shop.py").write_text(
        "from longrunning import App, MemoryStore, Operations\n"
        "app = App(Operations(MemoryStore()))\n"
    )
    done = subprocess.run(
        [LRO, "worker", "shop:app", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", line)
