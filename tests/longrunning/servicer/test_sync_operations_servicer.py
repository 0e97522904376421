"""The five RPCs on a real sync server, through the client that people have."""

import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import wrappers_pb2
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status

from longrunning import Aborted, MemoryStore, Operations, Portal, SyncErrorInterceptor
from longrunning.engines import AsyncOperationContext
from tests.longrunning.servicer.test_operations_servicer import told_how_long

with warnings.catch_warnings():
    # About the age of this Python, or of the oldest grpcio that we allow; once, at the import.
    warnings.simplefilter("ignore", FutureWarning)
    from google.api_core import exceptions, operations_v1

TEXT = wrappers_pb2.StringValue
THREADS = 4
UNKNOWN = "operations/none"
PATIENCE = 20.0


@pytest.fixture
def operations() -> Operations:
    made = Operations(MemoryStore(), domain="tests.example.com")

    @made.handler(name="shout", response=TEXT)
    async def shout(request: TEXT, operation: AsyncOperationContext) -> TEXT:
        return TEXT(value=request.value.upper())

    return made


@pytest.fixture
def ops(operations: Operations) -> Iterator[Portal]:
    with operations.portal() as opened:
        yield opened


@pytest.fixture
def channel(ops: Portal) -> Iterator[grpc.Channel]:
    server = grpc.server(
        ThreadPoolExecutor(THREADS), interceptors=[SyncErrorInterceptor(ops._view.domain)]
    )
    ops.add_to_server(server, threads=THREADS)
    starting = grpc.unary_unary_rpc_method_handler(
        Starting(ops), TEXT.FromString, operations_pb2.Operation.SerializeToString
    )
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.Starting", {"Start": starting})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    ops.answer_waiters()
    server.stop(None).wait(PATIENCE)


@pytest.fixture
def client(channel: grpc.Channel) -> operations_v1.OperationsClient:
    return operations_v1.OperationsClient(channel)


@pytest.fixture
def stub(channel: grpc.Channel) -> Any:
    return operations_pb2_grpc.OperationsStub(channel)


class Starting:
    """A sync servicer's method that starts an operation as its request says."""

    def __init__(self, ops: Portal) -> None:
        self._ops = ops
        (self.shout,) = ops._operations._handlers

    def __call__(self, request: TEXT, context: grpc.ServicerContext) -> operations_pb2.Operation:
        if request.value == "raise":
            raise Aborted("The lock is held.", reason="LOCKED")
        started: operations_pb2.Operation = self._ops.start(
            self.shout, request, context=context, parent=request.value, request_id="1"
        )
        return started


def start(channel: grpc.Channel, value: str) -> operations_pb2.Operation:
    coding = (TEXT.SerializeToString, operations_pb2.Operation.FromString)
    started: operations_pb2.Operation = channel.unary_unary("/test.Starting/Start", *coding)(
        TEXT(value=value),
        timeout=PATIENCE,
        metadata=[("traceparent", f"00-{'a' * 32}-{'b' * 16}-01")],
    )
    return started


def waiters(ops: Portal) -> int:
    return sum(map(len, ops._operations._open.waiters._waiting.values()))


def until(condition: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_an_operation_is_started_read_listed_waited_for_and_deleted(
    channel: grpc.Channel, client: operations_v1.OperationsClient, stub: Any, operations: Operations
) -> None:
    name = start(channel, "projects/p").name
    done = stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name), timeout=PATIENCE)
    result = TEXT()
    assert done.response.Unpack(result)
    assert result.value == "PROJECTS/P"
    assert client.get_operation(name) == done
    assert [operation.name for operation in client.list_operations("projects/p", "")] == [name]
    client.delete_operation(name)
    with pytest.raises(exceptions.NotFound):
        client.get_operation(name)


def test_an_operation_is_cancelled(client: operations_v1.OperationsClient, ops: Portal) -> None:
    name = ops.create().name
    client.cancel_operation(name)
    assert ops.report(name, TEXT()) is True
    ops.cancelled(name)
    assert client.get_operation(name).error.code == code_pb2.CANCELLED


@pytest.mark.parametrize("method", ["Get", "Delete", "Cancel", "Wait"])
def test_errors_travel_with_their_details(stub: Any, method: str) -> None:
    request = getattr(operations_pb2, f"{method}OperationRequest")(name=UNKNOWN)
    with pytest.raises(grpc.RpcError) as refused:
        getattr(stub, f"{method}Operation")(request)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert refused.value.details() == f"Operation '{UNKNOWN}' was not found."
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("OPERATION_NOT_FOUND", "tests.example.com")


def test_a_refused_start_ends_the_rpc_with_its_details(channel: grpc.Channel) -> None:
    for value, code, reason in (
        ("projects//", grpc.StatusCode.INVALID_ARGUMENT, "INVALID_NAME"),
        ("raise", grpc.StatusCode.ABORTED, "LOCKED"),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            start(channel, value)
        assert refused.value.code() is code
        info = error_details_pb2.ErrorInfo()
        assert rpc_status.from_call(refused.value).details[0].Unpack(info)
        assert (info.reason, info.domain) == (reason, "tests.example.com")


def test_the_operation_belongs_to_the_callers_trace(
    channel: grpc.Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "longrunning")
    start(channel, "projects/p")
    assert caplog.records[0].trace_id == "a" * 32  # type: ignore[attr-defined]


def test_waiters_hold_half_of_the_threads_and_others_are_answered_at_once(
    stub: Any, client: operations_v1.OperationsClient, ops: Portal
) -> None:
    name = ops.create().name
    request = operations_pb2.WaitOperationRequest(name=name)
    parked = [stub.WaitOperation.future(request, timeout=PATIENCE) for _ in range(THREADS // 2)]
    until(lambda: waiters(ops) == THREADS // 2)
    # More than there are threads: each is answered, and says that the work goes on.
    beyond = [stub.WaitOperation.future(request, timeout=PATIENCE) for _ in range(3 * THREADS)]
    assert [call.result().done for call in beyond] == [False] * 3 * THREADS
    assert not client.get_operation(name).done
    assert not any(call.done() for call in parked)
    ops.succeed(name)
    assert [call.result().done for call in parked] == [True] * len(parked)
    until(lambda: waiters(ops) == 0)
    # Their places are free again.
    name = ops.create().name
    again = stub.WaitOperation.future(operations_pb2.WaitOperationRequest(name=name))
    until(lambda: waiters(ops) == 1)
    ops.succeed(name)
    assert again.result().done


def test_a_wait_beyond_that_is_checked_as_any_other(stub: Any, ops: Portal) -> None:
    name = ops.create().name
    request = operations_pb2.WaitOperationRequest(name=name)
    parked = [stub.WaitOperation.future(request, timeout=PATIENCE) for _ in range(THREADS // 2)]
    until(lambda: waiters(ops) == THREADS // 2)
    request.timeout.FromSeconds(-1)
    with pytest.raises(grpc.RpcError, match="The timeout is -1 seconds"):
        stub.WaitOperation(request, timeout=PATIENCE)
    ops.succeed(name)
    for call in parked:
        call.result()


def test_a_wait_that_runs_out_answers_ok(stub: Any, ops: Portal) -> None:
    request = operations_pb2.WaitOperationRequest(name=ops.create().name)
    request.timeout.FromMilliseconds(50)
    assert not stub.WaitOperation(request).done


def test_a_wait_ends_before_its_deadline(
    stub: Any, ops: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = told_how_long(monkeypatch)
    request = operations_pb2.WaitOperationRequest(name=ops.create().name)
    assert not stub.WaitOperation(request, timeout=30).done
    assert 5 < given[0] < 29.7  # gRPC makes 30.1 of 30; the rest is for the answer


def test_a_client_that_goes_away_frees_its_thread(stub: Any, ops: Portal) -> None:
    request = operations_pb2.WaitOperationRequest(name=ops.create().name)
    for _ in range(3):  # more of them than there are threads
        calls = [stub.WaitOperation.future(request) for _ in range(THREADS // 2)]
        until(lambda: waiters(ops) == THREADS // 2)
        for call in calls:
            call.cancel()
        until(lambda: waiters(ops) == 0)


def test_waiters_are_answered_before_the_server_stops(stub: Any, ops: Portal) -> None:
    request = operations_pb2.WaitOperationRequest(name=ops.create().name)
    call = stub.WaitOperation.future(request)
    until(lambda: waiters(ops) == 1)
    ops.answer_waiters()
    assert not call.result(PATIENCE).done


def test_a_server_that_outlives_its_operations_answers_who_waits(operations: Operations) -> None:
    server = grpc.server(ThreadPoolExecutor(THREADS))
    outcome: list[bool] = []
    with operations.portal() as ops:
        ops.add_to_server(server, threads=THREADS)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        name = ops.create().name
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = operations_pb2_grpc.OperationsStub(channel)
            waiting = threading.Thread(
                target=lambda: outcome.append(
                    stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name)).done
                )
            )
            waiting.start()
            until(lambda: waiters(ops) == 1)
            ops.__exit__(None, None, None)
            waiting.join(PATIENCE)
    server.stop(None)
    assert outcome == [False]


async def test_the_colours_are_not_mixed(operations: Operations) -> None:
    with pytest.raises(TypeError, match=r"this is a sync server: use `with operations.portal"):
        operations.add_to_server(grpc.server(ThreadPoolExecutor(1)))
    with pytest.raises(
        TypeError, match=r"this is a grpc.aio server, and a portal is for sync ones"
    ):
        operations.portal().add_to_server(grpc.aio.server())
    with pytest.raises(ValueError, match="threads is 0: expected as many as the server has"):
        operations.portal().add_to_server(grpc.server(ThreadPoolExecutor(1)), threads=0)
