"""One process with all services, and their clients."""

import contextlib
import itertools
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

with warnings.catch_warnings():
    # About the age of this Python; once, at the import.
    warnings.simplefilter("ignore", FutureWarning)
    try:
        from tests.clients.google_services.door import Door
        from tests.clients.google_services.drivers import Driver
        from tests.clients.google_services.works import ALL, Work
    except ImportError as error:
        pytest.fail(
            f"{error}: Google's clients are missing; install them with "
            "`pip install --constraint constraints.txt --group google-services`",
            pytrace=False,
        )

CHECKOUT = Path(__file__).parents[3]
LRO = Path(sys.executable).with_name("lro")
DOORS = "examples.google_services.app:doors"
PACE = "0.02"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Places:
    """Where the services are, by the names of the services.

    Attributes:
        grpc: addresses.
        http: URLs.
        by_host: the URL of all of them together.
        banner: what the process said.
    """

    grpc: dict[str, str]
    http: dict[str, str]
    by_host: str
    banner: list[str]


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the buckets are."""
    return tmp_path_factory.mktemp("buckets")


@pytest.fixture(scope="session")
def places(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The process, started through the command line as anybody would start it."""
    folder = tmp_path_factory.mktemp("google_services")
    ports = [f"--{option}=127.0.0.1:0" for option in ("grpc", "http", "http-by-host")]
    store = f"--store=sqlite:///{folder / 'operations.db'}"
    log = folder / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [LRO, "serve", DOORS, *ports, store, "--drain=0.2"],
            cwd=CHECKOUT,
            env=os.environ | {"GOOGLE_SERVICES_ROOT": str(root), "GOOGLE_SERVICES_PACE": PACE},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout
        banner = []
        for line in process.stdout:
            banner.append(line.rstrip())
            if line.startswith("lro: serving"):
                break
        else:
            raise AssertionError(f"the services did not start:\n{log.read_text()}")
        doors = [line.split() for line in banner[:-1]]
        by_host = banner[-1].partition("HTTP by Host on ")[2].partition(",")[0]
        names = [words[1].rstrip(":") for words in doors]
        yield Places(
            grpc={name: words[4] for name, words in zip(names, doors, strict=True)},
            http={name: words[8] for name, words in zip(names, doors, strict=True)},
            by_host=by_host,
            banner=banner,
        )
        process.terminate()
        assert process.wait(30) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session", params=ALL, ids=lambda work: work.__name__)
def work(request: pytest.FixtureRequest, root: Path) -> Work:
    """Any of the services."""
    return request.param(root)


@pytest.fixture(scope="session")
def driver(request: pytest.FixtureRequest, root: Path, places: Places) -> Iterator[Driver]:
    """A client over a protocol; `drivers.over` says which."""
    make, protocol = request.param
    work = make(root)
    with warnings.catch_warnings():
        # Some transports warn that they are of a preview.
        warnings.simplefilter("ignore", FutureWarning)
        driver = Driver(work, protocol, places.grpc[work.host], places.http[work.host])
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def door_to(root: Path, places: Places) -> Iterator[Callable[[type[Work]], Door]]:
    """Returns the door of a service."""
    with contextlib.ExitStack() as channels:
        doors: dict[type[Work], Door] = {}

        def door_to(make: type[Work]) -> Door:
            if make not in doors:
                channel = channels.enter_context(grpc.insecure_channel(places.grpc[make.host]))
                doors[make] = Door(make(root), channel, places.http[make.host])
            return doors[make]

        yield door_to


@pytest.fixture
def key() -> str:
    """A word that no other test uses."""
    return f"test-{next(_numbers)}"
