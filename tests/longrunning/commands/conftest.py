import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from longrunning.commands.app import run
from tests.longrunning.commands.fake_operations import FakeOperations, FakeServer

LRO = Path(sys.executable).with_name("lro")


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


_TLS = ("TLS_CERT", "TLS_KEY", "TLS_CLIENT_CA")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("ADDRESS", "TOKEN_FILE", "TLS", "CA", "CERT", "KEY", "DEBUG", *_TLS):
        monkeypatch.delenv(f"LRO_{name}", raising=False)
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    """A plaintext server with no operations yet."""
    server = FakeServer(FakeOperations())
    yield server
    server.stop()


@pytest.fixture
def operations(server, monkeypatch):
    """What `server` serves; commands find it through LRO_ADDRESS."""
    monkeypatch.setenv("LRO_ADDRESS", server.address)
    return server.servicer


@pytest.fixture
def lro(capfd):
    """Runs a command in this process."""

    def call(*arguments):
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return call


@pytest.fixture
def lro_process():
    """Runs the installed command in a process of its own, which knows none of our message types."""

    def call(*arguments, **options):
        done = subprocess.run(
            [LRO, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call
