"""Workers as processes of their own: kills, standstills, cancellations, drains, many operations.

The API is this process, with `WorkersElsewhere`; all work is done by `lro worker`.
"""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google.longrunning import operations_pb2
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, error_details_pb2

from longrunning import InProcessEngine, Operations, Unavailable, WorkersElsewhere
from longrunning.handlers import Handler
from tests.longrunning.stores.postgres_server import PostgresServer
from tests.longrunning.stores.storages import PostgresSchema, SQLiteFile, Storage
from tests.longrunning.workers import working_app
from tests.longrunning.workers.worker_process import PATIENCE, WorkerProcess

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value
LEASE = 3.0
"""Of the workers that a test leaves without a sign of life, in seconds; a heart that beats late on
a busy machine must not cost others theirs."""
SOON = 5.0
"""Where a cancellation takes a second at most on a machine with nothing else to do; one that only
the end of a lease brought about would take three times as long as this."""


@dataclass(frozen=True)
class Note:
    """One line of what the work noted."""

    name: str
    attempt: int
    pid: int
    what: str


class Api:
    """The API side, and what the work has noted."""

    def __init__(self, operations: Operations, notes: Path) -> None:
        self.operations = operations
        self._folder = notes
        self._handlers = {handler.name: handler for handler in working_app.operations._handlers}

    async def start(self, handler: str, value: str = "") -> str:
        chosen: Handler[..., object] = self._handlers[handler]
        return (await self.operations.start(chosen, TEXT(value=value))).name

    async def finish(self, name: str, seconds: float = PATIENCE) -> operations_pb2.Operation:
        give_up = time.monotonic() + seconds
        while not (done := await self.operations.wait(name, PATIENCE)).done:
            assert time.monotonic() < give_up, f"{name} is not done; notes: {self.notes(name)}"
        return done

    def notes(self, name: str | None = None) -> list[Note]:
        """Returns what was noted, of one operation or of all."""
        file = self._folder / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        notes = [Note(n, int(a), int(p), w) for n, a, p, w in (x.split(" ", 3) for x in lines)]
        return [note for note in notes if name in (None, note.name)]

    async def noted(self, what: str, name: str | None = None) -> Note:
        """Returns the first note of this, once it is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for note in self.notes(name):
                    if note.what == what:
                        return note
                await asyncio.sleep(0.01)

    async def halt(self, worker: WorkerProcess) -> None:
        """Stops a worker for a while, but not within a transaction.

        One that stands still there holds all of SQLite, and nobody could take over from it.
        """
        while True:
            worker.send(signal.SIGSTOP)
            try:
                await self.operations.create()
            except Unavailable:
                worker.send(signal.SIGCONT)
                await asyncio.sleep(0.01)
            else:
                return

    def let_go(self) -> None:
        (self._folder / "go").touch()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


def shared(postgres: PostgresServer, tmp_path: Path, kind: str) -> tuple[Storage, str]:
    """Returns a place that processes share, and its URL for them."""
    if kind == "sqlite":
        file = SQLiteFile(tmp_path)
        return file, f"sqlite:///{file.path}"
    schema = PostgresSchema(postgres)
    return schema, f"{postgres.url}&schema={schema.schema}"


@pytest.fixture(params=["postgres", "sqlite"])
def place(
    request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path
) -> Iterator[tuple[Storage, str]]:
    storage, url = shared(postgres, tmp_path, request.param)
    yield storage, url
    storage.remove()


@pytest.fixture
async def api(
    place: tuple[Storage, str], notes: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    monkeypatch.setenv("LRO_NOTES", str(notes))
    operations = working_app.operations
    operations.store = place[0].store()
    operations.engine = WorkersElsewhere()
    async with operations:
        yield Api(operations, notes)


@pytest.fixture
def worker(
    place: tuple[Storage, str], notes: Path, tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Starts workers, and ends them with the test."""
    with contextlib.ExitStack() as stack:

        def start(*options: str) -> WorkerProcess:
            process = WorkerProcess(place[1], notes, *options, log=tmp_path / "log")
            return stack.enter_context(process)

        yield start


Start = Callable[..., WorkerProcess]


def reason_of(operation: operations_pb2.Operation) -> str:
    info = error_details_pb2.ErrorInfo()
    assert operation.error.details[0].Unpack(info)
    return info.reason


def value_of(operation: operations_pb2.Operation) -> int:
    response = NUMBER()
    assert operation.response.Unpack(response), operation
    return response.value


async def test_killed_work_goes_on_elsewhere_from_its_checkpoint(api: Api, worker: Start) -> None:
    lease = ("--lease", str(LEASE))
    workers = {process.pid: process for process in (worker(*lease), worker(*lease))}
    name = await api.start("steps")
    lost = await api.noted("stands still")
    workers[lost.pid].send(signal.SIGKILL)
    killed = time.monotonic()
    assert value_of(await api.finish(name)) == 2
    assert time.monotonic() - killed < 10.0  # and not after the 15 s of other workers
    resumed = [note for note in api.notes(name) if note.attempt == 2]
    middle = working_app.STEPS // 2
    assert [note.what for note in resumed] == [
        f"step {step}" for step in range(middle + 1, working_app.STEPS)
    ]
    assert {note.pid for note in resumed} == workers.keys() - {lost.pid}


async def test_a_killed_process_of_a_worker_is_replaced_and_its_work_goes_on(
    api: Api, worker: Start
) -> None:
    worker()
    name = await api.start("process steps")
    lost = await api.noted("stands still")
    os.kill(lost.pid, signal.SIGKILL)
    assert value_of(await api.finish(name)) == 2
    resumed = [note for note in api.notes(name) if note.attempt == 2]
    assert resumed[0].what == f"step {working_app.STEPS // 2 + 1}"
    assert lost.pid not in {note.pid for note in resumed}


async def test_a_worker_that_stood_still_past_its_lease_cannot_write_any_more(
    api: Api, worker: Start
) -> None:
    lease = ("--lease", str(LEASE))
    workers = {process.pid: process for process in (worker(*lease), worker(*lease))}
    name = await api.start("stubborn")
    slow = await api.noted("began")
    await api.halt(workers[slow.pid])
    done = await api.finish(name)
    assert value_of(done) == 2
    workers[slow.pid].send(signal.SIGCONT)
    assert (await api.noted("refused STALE_ATTEMPT", name)).pid == slow.pid
    assert await api.operations.get(name) == done


async def test_a_worker_that_takes_its_own_work_again_can_be_told_to_stop_it(
    api: Api, worker: Start
) -> None:
    alone = worker("--lease", str(LEASE))
    name = await api.start("hold on")
    await api.noted("began 1")
    await api.halt(alone)
    async with asyncio.timeout(PATIENCE):
        while (record := await api.operations.store.get(name)) and record.owner:
            await asyncio.sleep(0.01)
    alone.send(signal.SIGCONT)
    await api.noted("cleaned up 1")
    await api.noted("began 2")
    asked = time.monotonic()
    await api.operations.cancel(name)
    done = await api.finish(name)
    assert time.monotonic() - asked < SOON
    assert done.error.code == code_pb2.CANCELLED
    assert api.notes(name)[-1].what == "cleaned up 2"


@pytest.mark.parametrize("handler", ["hold", "hold thread", "hold process"])
async def test_a_cancellation_reaches_work_in_another_process_within_a_second(
    api: Api, worker: Start, handler: str
) -> None:
    worker()
    took: list[float] = []
    while not took or (min(took) >= 1.0 and len(took) < 5):  # a busy machine delays some of them
        name = await api.start(handler)
        await api.noted("began", name)
        asked = time.monotonic()
        await api.operations.cancel(name)
        done = await api.finish(name)
        took.append(time.monotonic() - asked)
        assert done.error.code == code_pb2.CANCELLED
        assert api.notes(name)[-1].what == "cleaned up"
    assert min(took) < 1.0


async def test_a_process_that_does_not_heed_its_cancellation_is_killed(
    api: Api, worker: Start
) -> None:
    worker()
    name = await api.start("deaf process")
    began = await api.noted("began", name)
    await api.operations.cancel(name)
    assert (await api.finish(name)).error.code == code_pb2.CANCELLED
    assert api.notes(name)[-1].what == "will not"
    with pytest.raises(ProcessLookupError):
        os.kill(began.pid, 0)


async def test_draining_under_load_loses_nothing(api: Api, worker: Start) -> None:
    leaving, staying = worker("--max-running", "8", "--drain", "20"), worker("--max-running", "8")
    names = [await api.start("hold") for _ in range(40)]
    for _ in range(2):
        await api.noted("began")
    async with asyncio.timeout(PATIENCE):
        while len({note.pid for note in api.notes()}) < 2:
            await asyncio.sleep(0.01)
    leaving.send(signal.SIGTERM)
    api.let_go()
    for name in names:
        assert value_of(await api.finish(name)) == 1
    assert leaving.wait() == 0
    ran = Counter(note.name for note in api.notes() if note.what == "ran")
    assert ran == Counter(names)
    assert staying.pid in {note.pid for note in api.notes() if note.what == "ran"}


async def test_a_worker_does_only_what_its_labels_allow(api: Api, worker: Start) -> None:
    worker()
    waiting = await api.start("labelled")
    await api.finish(await api.start("count"))
    assert not (await api.operations.get(waiting)).done
    other = worker("--label", "gpu", "--label", "large")
    await api.finish(waiting)
    assert [note.pid for note in api.notes(waiting)] == [other.pid]


async def test_of_a_conflict_key_one_is_under_way_at_a_time_in_all_workers(
    api: Api, worker: Start
) -> None:
    worker(), worker()
    names = [await api.start("in turn", key) for _ in range(20) for key in ("a", "b")]
    for name in names:
        await api.finish(name)
    inside: dict[str, str] = {}
    order: dict[str, list[str]] = defaultdict(list)
    for note in api.notes():
        step, key = note.what.split()
        if step == "in":
            assert key not in inside, f"{note.name} came while {inside[key]} was under way"
            inside[key] = note.name
            order[key].append(note.name)
        else:
            assert inside.pop(key) == note.name
    assert order["a"] + order["b"] == names[0::2] + names[1::2]


async def test_work_outlives_a_restart_of_the_database(
    postgres: PostgresServer, notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, url = shared(postgres, tmp_path, "postgres")
    monkeypatch.setenv("LRO_NOTES", str(notes))
    operations = working_app.operations
    operations.store, operations.engine = storage.store(), WorkersElsewhere()
    with WorkerProcess(url, notes, log=tmp_path / "log"):
        async with operations:
            api = Api(operations, notes)
            names = [await api.start("hold") for _ in range(10)]
            for name in names:
                await api.noted("began", name)
            async with postgres.stopped():
                pass
            api.let_go()
            for name in names:
                assert value_of(await api.finish(name)) == 1  # nobody took it for lost
            # And what comes later is noticed as before.
            await api.finish(await api.start("count"))
    storage.remove()


MANY = 10_000
MANY_SECONDS = 150.0


async def many(api: Api) -> None:
    """Starts many operations from many callers, and counts what came of each."""
    names: list[str] = []
    left = iter(range(MANY))

    async def caller() -> None:
        for _ in left:
            names.append(await api.start("count"))  # noqa: PERF401 - others append meanwhile

    await asyncio.gather(*(caller() for _ in range(256)))
    assert len(set(names)) == MANY
    finished = await asyncio.gather(*(api.finish(name, MANY_SECONDS) for name in names))
    assert sum(done.HasField("response") for done in finished) == MANY
    ran = Counter(note.name for note in api.notes())
    assert ran == Counter(names)  # each exactly once


@pytest.mark.timeout(400)
@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_many_operations_through_two_workers_end_exactly_once(
    api: Api, worker: Start
) -> None:
    worker(), worker()
    await many(api)
    assert len({note.pid for note in api.notes()}) == 2


@pytest.mark.timeout(400)
async def test_many_operations_in_one_process_on_sqlite_end_exactly_once(
    notes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LRO_NOTES", str(notes))
    operations = working_app.operations
    operations.store = SQLiteFile(tmp_path).store()
    operations.engine = InProcessEngine()
    async with operations:
        await many(Api(operations, notes))
