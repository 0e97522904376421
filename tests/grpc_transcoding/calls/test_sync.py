"""Sync servicers: unary, streams, contexts, and clients that go away."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import empty_pb2

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import Conversation, call, scope_of

BOOK = "/v1/shelves/1/books/2"


class SyncServicer(library_pb2_grpc.LibraryServicer):
    def __init__(self) -> None:
        self.threads = []
        self.has_begun = threading.Event()
        self.has_ended = threading.Event()
        self.seen = {}

    def GetBook(self, request, context):
        self.threads.append(threading.current_thread())
        ending = request.name.rpartition("/")[2]
        if ending == "wait":
            context.add_callback(self.has_ended.set)
            self.has_begun.set()
            assert self.has_ended.wait(5)
            self.seen["active"] = context.is_active()
            self.seen["late callback"] = context.add_callback(print)
        elif ending == "broken":
            raise ValueError("swordfish")
        elif ending == "stops":
            raise StopIteration
        elif ending == "exits":
            raise SystemExit(1)
        elif ending == "context":
            context.send_initial_metadata((("x-shelf", "7"),))
            with pytest.raises(ValueError, match="Initial metadata no longer allowed"):
                context.send_initial_metadata(())
            context.set_trailing_metadata((("x-took", "1"),))
            self.seen.update(
                metadata=dict(context.invocation_metadata()),
                peer=context.peer(),
                remaining=context.time_remaining(),
                identities=context.peer_identities(),
                auth=context.auth_context(),
                active=context.is_active(),
                trailing=context.trailing_metadata(),
            )
        elif ending == "cancel":
            context.cancel()
        return library_pb2.Book(name=request.name)

    def DeleteBook(self, request, context):
        return empty_pb2.Empty()

    def ReadBook(self, request, context):
        for page in range(3):
            if request.name.endswith("/torn") and page:
                context.abort(grpc.StatusCode.DATA_LOSS, "torn")
            yield library_pb2.ReadBookResponse(text=f"page {page}")

    def ImportBooks(self, request_iterator, context):
        return library_pb2.ImportBooksResponse(titles=[r.title for r in request_iterator])

    def Discuss(self, request_iterator, context):
        for request in request_iterator:
            yield library_pb2.DiscussResponse(text=request.text + "?")


class Marks(grpc.ServerInterceptor):
    def __init__(self) -> None:
        self.threads = []

    def intercept_service(self, continuation, details):
        self.threads.append(threading.current_thread())
        return continuation(details)


@pytest.fixture(params=["without interceptors", "with interceptors"])
def sync_app(request):
    servicer, marks = SyncServicer(), Marks()
    with ThreadPoolExecutor(4, thread_name_prefix="servicer") as executor:
        interceptors = [marks] if request.param == "with interceptors" else []
        transcoder = Transcoder(interceptors=interceptors, executor=executor)
        library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
        transcoder.servicer, transcoder.marks = servicer, marks
        yield transcoder


async def test_a_call_is_made_whole_in_one_thread_of_the_executor(sync_app):
    assert (await call(sync_app, "GET", BOOK)).json == {"name": "shelves/1/books/2"}
    (thread,) = sync_app.servicer.threads
    assert thread.name.startswith("servicer")
    assert sync_app.marks.threads in ([], [thread])


async def test_the_context_is_whole(sync_app):
    answer = await call(
        sync_app,
        "GET",
        "/v1/shelves/1/books/context",
        headers={"X-Asked": "yes", "X-Server-Timeout": "5"},
    )
    assert answer.status == 200, answer.body
    assert answer.headers["grpc-metadata-x-shelf"] == "7"
    assert answer.headers["grpc-trailer-x-took"] == "1"
    seen = sync_app.servicer.seen
    assert 3 < seen.pop("remaining") <= 5
    assert seen == {
        "metadata": {"x-asked": "yes", "x-server-timeout": "5"},
        "peer": "ipv4:127.0.0.1:50000",
        "identities": None,
        "auth": {},
        "active": True,
        "trailing": (("x-took", "1"),),
    }


async def test_streams_of_either_kind_work(sync_app):
    assert len((await call(sync_app, "GET", BOOK + ":read")).json) == 3
    body = [{"title": "a"}, {"title": "b"}]
    answer = await call(sync_app, "POST", "/v1/shelves/1/books:import", body)
    assert answer.json == {"titles": ["a", "b"]}
    answer = await call(sync_app, "POST", "/v1/discussions", [{"text": "a"}, {"text": "b"}])
    assert answer.json == [{"text": "a?"}, {"text": "b?"}]


async def test_an_abort_in_mid_stream_is_its_end(sync_app):
    answer = await call(sync_app, "GET", "/v1/shelves/1/books/torn:read")
    assert answer.json[-1]["error"]["status"] == "DATA_LOSS"


async def test_a_servicer_may_cancel_its_call(sync_app):
    answer = await call(sync_app, "GET", "/v1/shelves/1/books/cancel")
    assert answer.error == (499, "CANCELLED", "")


async def test_a_wrong_message_of_a_streamed_request_is_the_clients_fault(sync_app):
    answer = await call(sync_app, "POST", "/v1/shelves/1/books:import", [{"titel": "a"}])
    assert answer.error[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.logs_errors
@pytest.mark.parametrize("ending", ["broken", "stops", "exits"])
async def test_an_exception_is_neutral_and_logged(sync_app, caplog, ending):
    answer = await call(sync_app, "GET", f"/v1/shelves/1/books/{ending}")
    assert answer.error == (500, "INTERNAL", "Internal error.")
    assert len(caplog.records) == 1


async def test_a_client_that_disconnects_ends_the_call(sync_app):
    servicer = sync_app.servicer
    talk = Conversation(sync_app, scope_of("GET", "/v1/shelves/1/books/wait"))
    await asyncio.to_thread(servicer.has_begun.wait, 20)
    talk.disconnect()
    assert (await talk.end()).status == 0
    assert await asyncio.to_thread(servicer.has_ended.wait, 20)
    sync_app._executor.shutdown(wait=True)
    assert servicer.seen == {"active": False, "late callback": False}


class Passes(grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        return continuation(details)


@pytest.mark.parametrize("interceptors", [[], [Passes()]], ids=["alone", "intercepted"])
@pytest.mark.parametrize("headers", [[], [(b"grpc-timeout", b"99m")]], ids=["gone", "deadline"])
async def test_a_thread_that_waits_for_requests_is_free_when_the_call_is_over(
    interceptors, headers
):
    """Else a few clients that leave their uploads would take all threads for good."""
    has_begun, raised = threading.Event(), []

    class Counts(SyncServicer):
        def ImportBooks(self, request_iterator, context):
            has_begun.set()
            try:
                return super().ImportBooks(request_iterator, context)
            except grpc.RpcError as error:  # what a sync server raises then
                raised.append(error)
                raise

    with ThreadPoolExecutor(1) as executor:
        app = Transcoder(executor=executor, interceptors=interceptors)
        library_pb2_grpc.add_LibraryServicer_to_server(Counts(), app)
        scope = scope_of("POST", "/v1/shelves/1/books:import", headers)
        talk = Conversation(app, scope, [b'[{"title": "a"},'], is_whole=False)
        if not headers:
            assert await asyncio.to_thread(has_begun.wait, 20)
            talk.disconnect()
        assert (await talk.end()).status == (504 if headers else 0)
        assert (await call(app, "GET", BOOK)).status == 200
    assert len(raised) == has_begun.is_set()


@pytest.mark.parametrize("interceptors", [[], [Passes()]], ids=["alone", "intercepted"])
async def test_a_stream_whose_client_is_gone_is_closed(interceptors):
    closed = threading.Event()

    class Endless(SyncServicer):
        def ReadBook(self, request, context):
            try:
                while True:
                    yield library_pb2.ReadBookResponse(text="page")
            finally:
                closed.set()

    app = Transcoder(interceptors=interceptors)
    library_pb2_grpc.add_LibraryServicer_to_server(Endless(), app)
    talk = Conversation(app, scope_of("GET", BOOK + ":read"))
    await talk.sent()
    talk.disconnect()
    await talk.end()
    assert await asyncio.to_thread(closed.wait, 20)


async def test_a_deadline_does_not_wait_for_the_thread(sync_app):
    answer = await call(
        sync_app, "GET", "/v1/shelves/1/books/wait", headers={"Grpc-Timeout": "20m"}
    )
    assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")


async def test_one_servicer_may_have_methods_of_both_colours():
    class Mixed(SyncServicer):
        async def DeleteBook(self, request, context):
            await context.abort(grpc.StatusCode.NOT_FOUND, "by the loop")

    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(Mixed(), transcoder)
    assert (await call(transcoder, "GET", BOOK)).status == 200
    assert (await call(transcoder, "DELETE", BOOK)).error[2] == "by the loop"
