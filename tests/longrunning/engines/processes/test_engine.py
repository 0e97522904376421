"""Operations whose work is done in processes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from google.rpc import code_pb2

from longrunning import InProcessEngine, MemoryStore, Operations
from tests.longrunning.engines.processes import handlers as process_handlers
from tests.longrunning.engines.processes.calls import WAIT, children, until
from tests.longrunning.engines.processes.handlers import TEXT


@pytest.fixture
async def operations() -> AsyncIterator[Operations]:
    before = children()
    operations = Operations(MemoryStore(), engine=InProcessEngine(sweep_seconds=0.02), drain=0.0)
    for handler in process_handlers.handlers:
        operations._handlers.add(handler)
    async with operations:
        yield operations
    assert children() <= before


async def test_the_engine_runs_a_handler_in_a_process(operations: Operations) -> None:
    started = await operations.start(process_handlers.write, TEXT(value="x"))
    done = await operations.wait(started.name, WAIT)
    metadata, response = TEXT(), TEXT()
    assert done.metadata.Unpack(metadata)
    assert done.response.Unpack(response)
    assert (metadata.value, response.value) == ("reported", "written")


async def test_an_operation_in_a_process_is_cancelled(
    operations: Operations, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence"
    started = await operations.start(process_handlers.occupied, TEXT(value=f"sleep {evidence}"))
    await until(lambda: evidence.exists() and evidence.read_text() == "begun\n")
    await operations.cancel(started.name)
    done = await operations.wait(started.name, WAIT)
    assert done.error.code == code_pb2.CANCELLED
    assert evidence.read_text() == "begun\ncleaned up True\n"


async def test_an_operation_whose_process_dies_has_lost_its_worker(
    operations: Operations,
) -> None:
    started = await operations.start(process_handlers.die, TEXT(value="segfault"))
    done = await operations.wait(started.name, WAIT)
    assert done.error.code == code_pb2.ABORTED
    assert done.error.message == "The worker of the operation was lost before it finished."


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        ("ours", code_pb2.ABORTED, "Locked by me."),
        ("mapped", code_pb2.RESOURCE_EXHAUSTED, "No paper left."),
        (
            "foreign",
            code_pb2.INTERNAL,
            "The operation failed for a reason inside the service.",
        ),
    ],
)
async def test_what_a_handler_raises_in_its_process_ends_the_operation(
    operations: Operations, raised: str, code: int, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    started = await operations.start(process_handlers.fail, TEXT(value=raised))
    done = await operations.wait(started.name, WAIT)
    assert (done.error.code, done.error.message) == (code, message)
    assert ("ValueError: secret password" in caplog.text) == (raised == "foreign")
    assert b"secret" not in done.SerializeToString()


async def test_an_exception_is_mapped_once_where_it_was_raised(operations: Operations) -> None:
    started = await operations.start(process_handlers.fail_as_anything, TEXT())
    done = await operations.wait(started.name, WAIT)
    assert (done.error.code, done.error.message) == (code_pb2.ABORTED, "A ValueError.")


async def test_a_server_that_stops_interrupts_its_processes(tmp_path: Path) -> None:
    before = children()
    operations = Operations(MemoryStore(), engine=InProcessEngine(sweep_seconds=0.02), drain=0.0)
    for handler in process_handlers.handlers:
        operations._handlers.add(handler)
    evidence = tmp_path / "evidence"
    async with operations:
        await operations.start(process_handlers.occupied, TEXT(value=f"spin {evidence}"))
        await until(lambda: evidence.exists() and evidence.read_text() == "begun\n")
    assert evidence.read_text() == "begun\ncleaned up True\n"
    assert children() <= before
