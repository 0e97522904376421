"""The five RPCs on a real server: what only gRPC adds to what a view answers."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

from longrunning import MemoryStore, Operations
from longrunning.lifecycle import Record
from longrunning.servicer import OperationsServicer
from longrunning.waiters import Waiters

UNKNOWN = "operations/none"


@pytest.fixture
async def operations() -> AsyncIterator[Operations]:
    async with Operations(MemoryStore(), domain="tests.example.com", max_wait=60) as opened:
        yield opened


@pytest.fixture
async def stub(operations: Operations) -> AsyncIterator[Any]:
    server = grpc.aio.server()
    operations.add_to_server(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield operations_pb2_grpc.OperationsStub(channel)
    await server.stop(None)


def told_how_long(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Has no call wait, and returns for how many seconds each of them would."""
    wait, given = Waiters.wait, []

    async def ask(waiters: Waiters, name: str, seconds: float) -> Record | None:
        given.append(seconds)
        return await wait(waiters, name, 0)

    monkeypatch.setattr(Waiters, "wait", ask)
    return given


@pytest.mark.parametrize("method", ["Get", "Delete", "Cancel", "Wait"])
async def test_errors_travel_with_their_details(stub: Any, method: str) -> None:
    request = getattr(operations_pb2, f"{method}OperationRequest")(name=UNKNOWN)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(stub, f"{method}Operation")(request)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert refused.value.details() == f"Operation '{UNKNOWN}' was not found."
    status = rpc_status.from_call(refused.value)
    info, resource = error_details_pb2.ErrorInfo(), error_details_pb2.ResourceInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(resource)
    assert (info.reason, info.domain) == ("OPERATION_NOT_FOUND", "tests.example.com")
    assert resource.resource_name == UNKNOWN


async def test_a_bad_list_names_its_field(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ListOperations(operations_pb2.ListOperationsRequest(page_size=-1))
    bad = error_details_pb2.BadRequest()
    assert rpc_status.from_call(refused.value).details[1].Unpack(bad)
    assert [violation.field for violation in bad.field_violations] == ["page_size"]


async def test_an_operation_is_listed_read_cancelled_and_deleted(
    stub: Any, operations: Operations
) -> None:
    name = (await operations.create()).name
    page = await stub.ListOperations(operations_pb2.ListOperationsRequest())
    assert [operation.name for operation in page.operations] == [name]
    await stub.CancelOperation(operations_pb2.CancelOperationRequest(name=name))
    await operations.cancelled(name)
    done = await stub.GetOperation(operations_pb2.GetOperationRequest(name=name))
    assert done.error.code == code_pb2.CANCELLED
    await stub.DeleteOperation(operations_pb2.DeleteOperationRequest(name=name))
    assert not (await stub.ListOperations(operations_pb2.ListOperationsRequest())).operations


async def test_wait_returns_when_the_operation_is_done(stub: Any, operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = asyncio.ensure_future(
        stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name))
    )
    while not operations._open.waiters._waiting:
        await asyncio.sleep(0)
    await operations.succeed(name, wrappers_pb2.StringValue(value="x"))
    assert (await waiting).HasField("response")


async def test_wait_that_runs_out_answers_ok_with_the_latest_state(
    stub: Any, operations: Operations
) -> None:
    request = operations_pb2.WaitOperationRequest(name=(await operations.create()).name)
    request.timeout.FromMilliseconds(50)
    began = time.monotonic()
    assert not (await stub.WaitOperation(request)).done
    assert time.monotonic() - began >= 0.04


async def test_wait_ends_before_its_deadline(
    stub: Any, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = told_how_long(monkeypatch)
    request = operations_pb2.WaitOperationRequest(name=(await operations.create()).name)
    assert not (await stub.WaitOperation(request, timeout=30)).done
    # gRPC makes 30.1 of 30; the rest is for the answer: it is not DEADLINE_EXCEEDED
    assert 5 < given[0] < 29.7


@pytest.mark.parametrize(
    ("deadline", "waited"), [(0.01, 0), (0.1, 0.08), (1.0, 0.9), (60.0, 59.5), (None, None)]
)
async def test_wait_leaves_a_part_of_the_deadline_to_its_answer(
    deadline: float | None, waited: float | None
) -> None:
    class Answers:
        async def wait(
            self, name: str, timeout: float | None, *, caller: object
        ) -> operations_pb2.Operation:
            self.timeout = timeout
            return operations_pb2.Operation(name=name)

    class Context:
        def time_remaining(self) -> float | None:
            return deadline

    answers = Answers()
    servicer = OperationsServicer(answers, domain="tests.example.com")  # type: ignore[arg-type]
    await servicer.WaitOperation(
        operations_pb2.WaitOperationRequest(name=UNKNOWN),
        Context(),  # type: ignore[arg-type]
    )
    assert answers.timeout == (None if waited is None else pytest.approx(waited))


async def test_a_negative_timeout_is_refused(stub: Any, operations: Operations) -> None:
    name = (await operations.create()).name
    request = operations_pb2.WaitOperationRequest(name=name)
    request.timeout.FromSeconds(-1)
    with pytest.raises(grpc.aio.AioRpcError, match="The timeout is -1 seconds"):
        await stub.WaitOperation(request)


async def test_a_client_that_goes_away_frees_its_waiter(stub: Any, operations: Operations) -> None:
    name = (await operations.create()).name
    waiting = stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name))
    while not operations._open.waiters._waiting:
        await asyncio.sleep(0.001)
    waiting.cancel()
    while operations._open.waiters._waiting:
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("character", ["a", "é", "😀"])
async def test_the_longest_names_and_messages_fit_into_the_trailers(
    stub: Any, character: str
) -> None:
    prefix = "projects/p/operations/"
    longest = prefix + character * ((512 - len(prefix)) // len(character.encode()))
    for name, code in (
        (longest, grpc.StatusCode.NOT_FOUND),
        (longest + character, grpc.StatusCode.INVALID_ARGUMENT),
        (longest * 100, grpc.StatusCode.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetOperation(operations_pb2.GetOperationRequest(name=name))
        assert refused.value.code() is code
        assert rpc_status.from_call(refused.value).details
