"""The parent of serving processes: whom it replaces, when, and when it gives up."""

import asyncio
import errno
import gc
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from longrunning.serving import Addresses, StartupError
from longrunning.serving.fleet import Fleet
from tests.longrunning.serving import fleet_processes
from tests.longrunning.serving.fleet_processes import ADDRESSES


def fleet(folder: Path, *plans: str) -> Fleet:
    """Returns one with a process for each plan."""
    for number, plan in enumerate(plans):
        (folder / f"plan-{number}").write_text(plan)
    return Fleet(len(plans), fleet_processes.run, lambda number: (str(folder), number))


def end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_it_says_once_that_all_serve_and_ends_with_them(tmp_path: Path) -> None:
    told: list[Addresses] = []

    def ready(addresses: Addresses) -> None:
        told.append(addresses)
        end()

    await fleet(tmp_path, "", "", "").serve(ready)
    assert told == [ADDRESSES]


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ("fail", "it is the wrong day"),
        ("die", "a serving process ended with exit code 3 before it served"),
    ],
)
async def test_one_that_cannot_start_ends_all(tmp_path: Path, plan: str, why: str) -> None:
    with pytest.raises(StartupError) as refused:
        await fleet(tmp_path, "", plan).serve(lambda _: pytest.fail("not all of them serve"))
    assert str(refused.value) == why


async def test_one_that_ends_is_replaced_after_a_pause_that_grows(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    crowd = fleet(tmp_path, "", "serve\nfail\ndie\n")
    serving = asyncio.create_task(crowd.serve(lambda _: (tmp_path / "end-1").touch()))
    await until(lambda: len(caplog.records) == 3)
    await until(lambda: not (tmp_path / "plan-1").read_text())
    end()
    await serving
    endings = [record.getMessage().partition(": ")[2] for record in caplog.records]
    assert endings == [
        "ended with exit code 0; another one starts in 0.1 s",
        "it is the wrong day; another one starts in 0.2 s",
        "ended with exit code 3; another one starts in 0.4 s",
    ]


async def test_what_it_has_forked_neither_hides_its_end_nor_outlives_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    serving = asyncio.create_task(fleet(tmp_path, "", "fork").serve(lambda _: None))
    await until(lambda: "was killed by SIGKILL; another one starts" in caplog.text)
    forked = Path("/proc", (tmp_path / "forked").read_text(), "stat")

    def is_gone() -> bool:
        try:
            return forked.read_text().rpartition(") ")[2].startswith("Z")
        except OSError:  # it may go while it is looked at
            return True

    await until(is_gone)
    end()
    await serving


async def test_it_gives_up_when_none_serves_and_none_can_start(tmp_path: Path) -> None:
    def ready(_: Addresses) -> None:
        (tmp_path / "end-0").touch()

    with pytest.raises(StartupError) as refused:
        await fleet(tmp_path, "serve\nfail\n").serve(ready)
    assert str(refused.value) == "it is the wrong day"


async def test_a_signal_ends_the_pause_before_a_successor(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr("longrunning.serving.fleet.fleet._FIRST_PAUSE_SECONDS", 3600.0)
    crowd = fleet(tmp_path, "", "serve")
    serving = asyncio.create_task(crowd.serve(lambda _: (tmp_path / "end-1").touch()))
    await until(lambda: "another one starts in 3600 s" in caplog.text)
    end()
    await asyncio.wait_for(serving, 30)


async def test_one_that_does_not_stop_cleanly_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(StartupError) as refused:
        await fleet(tmp_path, "", "break").serve(lambda _: end())
    assert str(refused.value) == "a serving process ended with exit code 4 while it stopped"


@pytest.mark.parametrize(
    ("codes", "also"),
    [
        ([errno.EAGAIN], []),
        ([errno.EAGAIN, errno.EAGAIN], []),
        ([errno.EAGAIN, errno.ENOMEM], [errno.ENOMEM]),
    ],
)
async def test_all_that_cannot_start_at_once_are_told_of_and_the_same_reason_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    codes: list[int],
    also: list[int],
) -> None:
    def why(code: int) -> str:
        return f"no serving process can be started: {os.strerror(code)}"

    coming = iter(codes)

    def full(_process: object) -> None:
        code = next(coming)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("longrunning.child_process.start", full)
    gc.collect()  # what earlier tests left
    caplog.clear()
    with pytest.raises(StartupError) as refused:
        await fleet(tmp_path, *[""] * len(codes)).serve(lambda _: pytest.fail("it serves"))
    assert str(refused.value) == why(codes[0])
    del refused
    gc.collect()  # asyncio complains of failures that nobody asked for when their tasks are gone
    assert [record.getMessage() for record in caplog.records] == [why(code) for code in also]
