"""Spans that join whoever starts an operation to its work, wherever that runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.protobuf import wrappers_pb2
from google.rpc import status_pb2
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from grpc_transcoding import Transcoder
from longrunning import (
    Aborted,
    AsyncOperationContext,
    InProcessEngine,
    MemoryStore,
    Operations,
    SyncOperationContext,
)
from longrunning.telemetry import Tracing
from tests.longrunning.stores.storages import Storage
from tests.longrunning.telemetry import process_handlers

TEXT = wrappers_pb2.StringValue
TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
CALLER_ID = 0xB7AD6B7169203331
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A tracer, and handlers that make spans of their own."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)
        self.tracer = provider.get_tracer("tests")
        self.began = asyncio.Event()

    def add_handlers(self, operations: Operations) -> dict[str, Any]:
        @operations.handler(name="loop")
        async def on_loop(request: TEXT, operation: AsyncOperationContext) -> None:
            with self.tracer.start_as_current_span("inner"):
                self.began.set()
                if request.value == "wait" and operation.attempt == 1:
                    await asyncio.Event().wait()
                if request.value == "abort":
                    raise Aborted("The lock is held.", reason="LOCKED")
                if request.value == "raise":
                    raise ValueError("secret")

        @operations.handler(name="thread", run="thread")
        def in_thread(request: TEXT, operation: SyncOperationContext) -> None:
            with self.tracer.start_as_current_span("inner"):
                pass

        @operations.handler(name="retry", on_interruption="retry")
        async def retry(request: TEXT, operation: AsyncOperationContext) -> None:
            await on_loop(request, operation)

        @operations.handler(name="outer")
        async def outer(request: TEXT, operation: AsyncOperationContext) -> None:
            await operations.start(on_loop, request)

        @operations.handler(name="late", timeout=0.05)
        async def late(request: TEXT, operation: AsyncOperationContext) -> None:
            await asyncio.Event().wait()

        return {each.name: each for each in (on_loop, in_thread, retry, outer, late)}

    async def spans(self, name: str, count: int = 1) -> list[ReadableSpan]:
        """Returns the finished spans of a name, once there are that many."""
        async with asyncio.timeout(20):
            while len(found := self._named(name)) < count:
                await asyncio.sleep(0.01)
        return found

    def _named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


@pytest.fixture
def traced() -> Traced:
    return Traced()


class Opened:
    """Open operations that are traced."""

    def __init__(self, traced: Traced, operations: Operations) -> None:
        self.traced = traced
        self.operations = operations
        self.handlers = traced.add_handlers(operations)

    async def run(self, handler: str, value: str = "") -> ReadableSpan:
        """Runs a piece of work within a span `caller`, and returns the span of its attempt."""
        with self.traced.tracer.start_as_current_span("caller"):
            started = await self.operations.start(self.handlers[handler], TEXT(value=value))
        await self.operations.wait(started.name, 20)
        [span] = await self.traced.spans(f"process {handler}")
        return span


@pytest.fixture
async def opened(traced: Traced) -> AsyncIterator[Opened]:
    operations = Operations(MemoryStore(), observers=[traced.tracing])
    opened = Opened(traced, operations)
    async with operations:
        yield opened


@pytest.mark.parametrize("handler", ["loop", "thread"])
async def test_work_is_a_child_of_its_start_and_has_children(opened: Opened, handler: str) -> None:
    work = await opened.run(handler)
    [caller], [inner] = await opened.traced.spans("caller"), await opened.traced.spans("inner")
    assert caller.context
    assert work.context
    assert work.parent
    assert inner.parent
    assert work.context.trace_id == caller.context.trace_id
    assert work.parent.span_id == caller.context.span_id
    assert inner.parent.span_id == work.context.span_id
    assert [link.context.span_id for link in work.links] == [caller.context.span_id]
    assert work.kind is SpanKind.CONSUMER
    attributes = dict(work.attributes or {})
    name = attributes.pop("longrunning.operation.name")
    assert attributes.pop("messaging.message.id") == name
    assert str(name).startswith("operations/")
    assert attributes == {
        "messaging.system": "longrunning",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": handler,
        "longrunning.operation.handler": handler,
        "longrunning.operation.attempt": 1,
        "longrunning.operation.state": "succeeded",
        "longrunning.operation.code": "OK",
    }
    assert work.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize(
    ("handler", "value", "code", "message", "exceptions"),
    [
        ("loop", "abort", "ABORTED", "The lock is held.", ["The lock is held."]),
        (
            "loop",
            "raise",
            "INTERNAL",
            "The operation failed for a reason inside the service.",
            ["secret"],
        ),
        ("late", "", "DEADLINE_EXCEEDED", "The operation ran out of its time.", []),
    ],
)
async def test_a_failure_is_the_spans_status_and_the_exception_is_in_the_span_only(
    *, opened: Opened, handler: str, value: str, code: str, message: str, exceptions: list[str]
) -> None:
    work = await opened.run(handler, value)
    assert work.attributes
    assert work.attributes["longrunning.operation.code"] == code
    assert work.attributes["longrunning.operation.state"] == "failed"
    assert work.attributes["error.type"] == code
    assert work.status.status_code is StatusCode.ERROR
    assert work.status.description == message
    recorded = [event.attributes["exception.message"] for event in work.events if event.attributes]
    assert recorded == exceptions
    operation = await opened.operations.get(str(work.attributes["longrunning.operation.name"]))
    assert "secret" not in str(operation)


async def test_a_cancellation_is_no_error(opened: Opened, traced: Traced) -> None:
    started = await opened.operations.start(opened.handlers["loop"], TEXT(value="wait"))
    await traced.began.wait()
    await opened.operations.cancel(started.name)
    [work] = await traced.spans("process loop")
    assert work.attributes
    assert work.attributes["longrunning.operation.code"] == "CANCELLED"
    assert work.status.status_code is StatusCode.UNSET
    assert work.events == ()


async def test_work_that_nobody_traced_begins_a_trace(opened: Opened, traced: Traced) -> None:
    await opened.operations.start(opened.handlers["loop"], TEXT())
    [work] = await traced.spans("process loop")
    assert work.parent is None
    assert work.links == ()


async def test_work_is_not_a_child_of_what_was_current_when_the_engine_started(
    traced: Traced,
) -> None:
    operations = Operations(MemoryStore(), observers=[traced.tracing])
    handlers = traced.add_handlers(operations)
    with traced.tracer.start_as_current_span("start-up"):
        await operations.__aenter__()
    await operations.start(handlers["loop"], TEXT())
    [work] = await traced.spans("process loop")
    await operations.__aexit__(None, None, None)
    assert work.parent is None


async def test_what_a_handler_starts_is_a_child_of_its_attempt(
    opened: Opened, traced: Traced
) -> None:
    await opened.operations.start(opened.handlers["outer"], TEXT())
    [parent], [child] = await traced.spans("process outer"), await traced.spans("process loop")
    assert parent.context
    assert child.parent
    assert child.parent.span_id == parent.context.span_id


async def test_work_that_runs_elsewhere_keeps_the_trace_it_was_created_in(
    opened: Opened, traced: Traced, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with traced.tracer.start_as_current_span("caller") as caller:
        name = (await opened.operations.create()).name
    await opened.operations.fail(name, status_pb2.Status(code=5))
    ids = {vars(line)["trace_id"] for line in caplog.records if hasattr(line, "trace_id")}
    assert ids == {trace.format_trace_id(caller.get_span_context().trace_id)}


async def test_work_in_a_process_is_told_the_span_of_its_attempt(traced: Traced) -> None:
    operations = process_handlers.operations
    operations.observers = (traced.tracing,)
    async with operations:
        started = await operations.start(process_handlers.trace, TEXT())
        done = await operations.wait(started.name, 60)
        failed = await operations.start(process_handlers.fail, TEXT())
        assert (await operations.wait(failed.name, 60)).error.code == 13
    [work], [fault] = await traced.spans("process trace"), await traced.spans("process fail")
    told = TEXT()
    assert done.response.Unpack(told)
    assert work.context
    ids = trace.format_trace_id(work.context.trace_id), trace.format_span_id(work.context.span_id)
    assert told.value.startswith("00-{}-{}-".format(*ids))
    assert fault.events[0].attributes
    assert 'raise ValueError("secret")' in str(fault.events[0].attributes["exception.stacktrace"])


async def test_untraced_work_is_told_the_trace_of_its_start() -> None:
    operations = Operations(MemoryStore())

    @operations.handler(name="trace", response=TEXT)
    async def tell(request: Any, operation: AsyncOperationContext) -> TEXT:
        return TEXT(value=operation.trace)

    async with operations:
        await over_grpc(Scanner(operations, tell))
        [listed] = (await operations.list()).operations
        done = await operations.wait(listed.name, 20)
    told = TEXT()
    assert done.response.Unpack(told)
    assert told.value == TRACEPARENT


@pytest.mark.parametrize("storage", ["sqlite", "postgres"], indirect=True)
async def test_every_attempt_is_a_child_of_the_start_whoever_makes_it(storage: Storage) -> None:
    first, second = Traced(), Traced()

    def make(traced: Traced) -> Operations:
        engine = InProcessEngine(sweep_seconds=0.02)
        return Operations(
            storage.store(), engine=engine, observers=[traced.tracing], drain=0, sweep_seconds=0.02
        )

    operations = make(first)
    handlers = first.add_handlers(operations)
    async with operations:
        with first.tracer.start_as_current_span("caller"):
            await operations.start(handlers["retry"], TEXT(value="wait"))
        await first.began.wait()
    operations = make(second)
    second.add_handlers(operations)
    async with operations:
        [again] = await second.spans("process retry")
    [caller], [interrupted] = await first.spans("caller"), await first.spans("process retry")
    assert caller.context
    for attempt, work in enumerate((interrupted, again), start=1):
        assert work.parent
        assert work.parent.span_id == caller.context.span_id
        assert work.attributes
        assert work.attributes["longrunning.operation.attempt"] == attempt
    assert interrupted.attributes
    assert again.attributes
    assert interrupted.attributes["longrunning.operation.state"] == "pending"
    assert "longrunning.operation.code" not in interrupted.attributes
    assert again.attributes["longrunning.operation.code"] == "OK"


class Scanner(scanner_pb2_grpc.ScannerServicer):
    def __init__(self, operations: Operations, handler: Any) -> None:
        self._operations = operations
        self._handler = handler

    async def Scan(self, request: Any, context: Any) -> Any:
        return await self._operations.start(self._handler, request, context=context)


Front = Callable[[Scanner], Any]


async def over_grpc(scanner: Scanner) -> None:
    server = grpc.aio.server()
    scanner_pb2_grpc.add_ScannerServicer_to_server(scanner, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = scanner_pb2_grpc.ScannerStub(channel)
        request = scanner_pb2.ScanRequest(parent="projects/p/locations/l")
        await stub.Scan(request, metadata=(("traceparent", TRACEPARENT),))
    await server.stop(None)


async def over_http(scanner: Scanner) -> None:
    import httpx

    transcoder = Transcoder()
    scanner_pb2_grpc.add_ScannerServicer_to_server(scanner, transcoder)
    transport = httpx.ASGITransport(transcoder)
    async with httpx.AsyncClient(transport=transport, base_url="http://tests") as client:
        reply = await client.post(
            "/v1/projects/p/locations/l/scans", json={}, headers={"traceparent": TRACEPARENT}
        )
    assert reply.status_code == 200, reply.text


@pytest.mark.parametrize("front", [over_grpc, over_http])
async def test_an_rpcs_traceparent_is_the_parent_of_its_work(
    opened: Opened, traced: Traced, front: Front
) -> None:
    await front(Scanner(opened.operations, opened.handlers["loop"]))
    [work] = await traced.spans("process loop")
    assert work.context
    assert work.parent
    assert (work.context.trace_id, work.parent.span_id) == (TRACE_ID, CALLER_ID)
    assert work.parent.is_remote
