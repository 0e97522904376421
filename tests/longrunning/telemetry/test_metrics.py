"""What Prometheus finds: parsed by its own parser."""

import asyncio
import functools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable

import pytest
from google.protobuf import wrappers_pb2
from google.rpc import status_pb2
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from longrunning import Aborted, AsyncOperationContext, Operations
from longrunning.telemetry import Metrics
from tests.longrunning.conftest import Clock

TEXT = wrappers_pb2.StringValue

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Watched:
    """Operations whose metrics can be read."""

    def __init__(self, new_operations: Callable[..., Operations]) -> None:
        self.registry = CollectorRegistry()
        self.operations = new_operations(observers=[Metrics(self.registry)])
        self.began = asyncio.Event()
        self.go_on = asyncio.Event()

        @self.operations.handler(name="work")
        async def work(request: TEXT, operation: AsyncOperationContext) -> None:
            self.began.set()
            if request.value == "wait":
                await self.go_on.wait()
            if request.value == "abort":
                raise Aborted("no", reason="NO")
            if request.value == "raise":
                raise ValueError("secret")

        self.work = work

    def samples(self) -> Samples:
        text = generate_latest(self.registry).decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples().get((f"longrunning_{name}", tuple(sorted(labels.items()))), 0.0)

    async def run(self, value: str) -> None:
        name = (await self.operations.start(self.work, TEXT(value=value))).name
        assert (await self.operations.wait(name, 20)).done


@pytest.fixture
async def watched(new_operations: Callable[..., Operations]) -> AsyncIterator[Watched]:
    watched = Watched(new_operations)
    async with watched.operations:
        yield watched


async def eventually(value: Callable[[], object], expected: object) -> None:
    """Waits for a value: whoever waits for an operation may hear of a change before it is counted.

    The store tells of it when it is written, and its writer a moment later.
    """
    async with asyncio.timeout(20):
        while value() != expected:
            await asyncio.sleep(0.01)


async def test_what_is_started_and_finished_is_counted(watched: Watched) -> None:
    for value in ("", "", "abort", "raise"):
        await watched.run(value)
    assert watched.value("operations_started_total", handler="work") == 4

    def finished() -> dict[str, float]:
        return {
            code: watched.value("operations_finished_total", handler="work", code=code)
            for code in ("OK", "ABORTED", "INTERNAL", "CANCELLED")
        }

    await eventually(finished, {"OK": 2, "ABORTED": 1, "INTERNAL": 1, "CANCELLED": 0})


async def test_what_runs_is_counted_and_timed(watched: Watched) -> None:
    operations = watched.operations
    name = (await operations.start(watched.work, TEXT(value="wait"))).name
    await watched.began.wait()
    assert watched.value("operations_running", handler="work") == 1
    await operations.cancel(name)
    assert (await operations.wait(name, 20)).error.code == 1
    await eventually(lambda: watched.value("operations_running", handler="work"), 0)
    assert watched.value("operation_run_time_seconds_count", handler="work") == 1
    assert watched.value("operation_run_time_seconds_sum", handler="work") > 0
    assert watched.value("operations_finished_total", handler="work", code="CANCELLED") == 1


async def test_the_wait_in_the_queue_is_that_of_the_operations_clock(
    new_operations: Callable[..., Operations], clock: Clock
) -> None:
    api, worker = Watched(new_operations), Watched(new_operations)
    from longrunning import WorkersElsewhere

    api.operations.engine = WorkersElsewhere()
    async with api.operations:
        await api.operations.start(api.work, TEXT())
    clock.advance(7)
    async with worker.operations:
        await asyncio.wait_for(worker.began.wait(), 20)
    bucket = {
        bound: worker.value("operation_queue_wait_seconds_bucket", handler="work", le=bound)
        for bound in ("5.0", "15.0")
    }
    assert bucket == {"5.0": 0, "15.0": 1}
    assert worker.value("operation_queue_wait_seconds_sum", handler="work") == 7


async def test_waiters_are_counted_while_they_wait(watched: Watched) -> None:
    name = (await watched.operations.start(watched.work, TEXT(value="wait"))).name
    waiting = [asyncio.create_task(watched.operations.wait(name, 20)) for _ in range(3)]
    await eventually(lambda: watched.value("waiters"), 3)
    watched.go_on.set()
    await asyncio.gather(*waiting)
    assert watched.value("waiters") == 0


async def test_the_store_is_timed_by_method(watched: Watched) -> None:
    await watched.run("")
    for method in ("create", "claim", "replace", "get", "beat"):
        count = functools.partial(watched.value, "store_latency_seconds_count", method=method)
        await eventually(lambda count=count: count() > 0, True)
        assert watched.value("store_latency_seconds_sum", method=method) > 0, method


async def test_labels_do_not_grow_with_use(watched: Watched) -> None:
    def ended() -> float:
        return watched.value("operation_run_time_seconds_count", handler="work")

    await watched.run("")
    await eventually(ended, 1)
    before = set(watched.samples())
    for _ in range(20):
        await watched.run("")
    await eventually(ended, 21)
    grown = {
        key for key in set(watched.samples()) - before if not key[0].startswith("longrunning_store")
    }
    assert grown == set()
    labels = {label for _, labels in watched.samples() for label, _ in labels}
    assert labels == {"handler", "code", "method", "le"}


async def test_an_error_that_is_no_code_counts_as_unknown(watched: Watched) -> None:
    operations = watched.operations
    for code in (4711, 5):
        name = (await operations.create()).name
        await operations.fail(name, status_pb2.Status(code=code))
    assert watched.value("operations_finished_total", handler="", code="UNKNOWN") == 1
    assert watched.value("operations_finished_total", handler="", code="NOT_FOUND") == 1


def test_a_registry_has_room_for_one() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Metrics(registry)


@pytest.mark.parametrize(
    ("name", "module"), [("Metrics", "prometheus_client"), ("Tracing", "opentelemetry")]
)
def test_without_the_extra_an_observer_says_what_to_install(name: str, module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None\nfrom longrunning.telemetry import {name}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: {name} needs the extra 'telemetry': pip install 'longrunning[telemetry]'"
    )


@pytest.mark.parametrize(
    ("name", "other"), [("Metrics", "opentelemetry"), ("Tracing", "prometheus_client")]
)
def test_an_observer_does_not_import_the_other_ones_library(name: str, other: str) -> None:
    code = (
        f"import sys\nfrom longrunning.telemetry import {name}\nsys.exit({other!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
