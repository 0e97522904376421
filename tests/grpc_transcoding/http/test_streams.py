"""Streamed replies and requests over HTTP."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import grpc.aio
import pytest

from grpc_transcoding import Transcoder
from grpc_transcoding.errors import TranscodingError
from grpc_transcoding.http.message_stream import JsonSplitter
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import Conversation, call, scope_of

READ = "/v1/shelves/1/books/2:read"
TORN = {"error": {"code": 500, "message": "the rest is gone", "status": "DATA_LOSS"}}
TORN_TEXT = json.dumps(TORN, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("accept", "content_type", "chunks"),
    [
        (None, "application/json", [b'[{"text":"page 1"}', b',\n{"text":"page 2"}', b',\n{"text":"page 3"}', b"]"]),
        ("text/html", "application/json", [b'[{"text":"page 1"}', b',\n{"text":"page 2"}', b',\n{"text":"page 3"}', b"]"]),
        ("application/x-ndjson", "application/x-ndjson", [b'{"text":"page 1"}\n', b'{"text":"page 2"}\n', b'{"text":"page 3"}\n', b""]),
        ("application/json;q=0.1, application/jsonl", "application/x-ndjson", [b'{"text":"page 1"}\n', b'{"text":"page 2"}\n', b'{"text":"page 3"}\n', b""]),
        ("text/event-stream", "text/event-stream", [b'data: {"text":"page 1"}\n\n', b'data: {"text":"page 2"}\n\n', b'data: {"text":"page 3"}\n\n', b""]),
    ],
)  # fmt: skip
async def test_replies_are_framed_as_accept_asks(app, accept, content_type, chunks):
    answer = await call(app, "GET", READ, headers={"accept": accept} if accept else {})
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    assert answer.chunks == chunks
    assert answer.is_complete


@pytest.mark.parametrize(
    ("accept", "end"),
    [
        ("application/json", b",\n" + TORN_TEXT + b"]"),
        ("application/x-ndjson", TORN_TEXT + b"\n"),
        ("text/event-stream", b"event: error\ndata: " + TORN_TEXT + b"\n\n"),
    ],
)
async def test_an_error_in_mid_stream_is_the_last_thing_in_it(app, accept, end):
    answer = await call(app, "GET", READ + "?failAfter=1", headers={"accept": accept})
    assert (answer.status, len(answer.chunks), answer.chunks[-1]) == (200, 2, end)
    assert answer.is_complete


@pytest.mark.logs_errors
@pytest.mark.parametrize("pages", [0, 1])
@pytest.mark.parametrize("details", ["a\udcff", ValueError("swordfish")], ids=["half", "no text"])
async def test_details_that_cannot_be_sent_are_an_internal_error(servicer, details, pages):
    async def read_book(request, context):
        for _ in range(pages):
            yield library_pb2.ReadBookResponse(text="page")
        await context.abort(grpc.StatusCode.NOT_FOUND, details)

    servicer.ReadBook = read_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", READ)
    error = (answer.json[-1] if pages else answer.json)["error"]
    assert (error["code"], error["message"]) == (500, "Internal error.")
    assert answer.status == (200 if pages else 500)


async def test_an_error_before_the_first_message_is_an_ordinary_error(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/broken:read")
    assert answer.error == (404, "NOT_FOUND", "no such book")


async def test_alt_sse_and_pretty_print_hold_for_each_message(app):
    answer = await call(app, "GET", READ + "?alt=sse&prettyPrint=true")
    assert answer.chunks[0] == b'data: {\ndata:   "text": "page 1"\ndata: }\ndata: \n\n'
    assert answer.headers["content-type"] == "text/event-stream"


async def test_lines_stay_lines_when_they_are_pretty(app):
    answer = await call(
        app, "GET", READ + "?prettyPrint=true", headers={"accept": "application/x-ndjson"}
    )
    assert json.loads(answer.body.splitlines()[0]) == {"text": "page 1"}


async def test_messages_leave_as_they_come(app, servicer):
    talk = Conversation(app, scope_of("GET", "/v1/shelves/1/books/slow:read"))
    await servicer.has_begun.wait()
    assert talk.answer.chunks == [b'[{"text":"page 1"}']
    servicer.may_go_on.set()
    assert len((await talk.end()).json) == 3


async def test_a_client_that_disconnects_cancels_the_stream(app, servicer):
    talk = Conversation(app, scope_of("GET", "/v1/shelves/1/books/slow:read"))
    await servicer.has_begun.wait()
    talk.disconnect()
    answer = await talk.end()
    assert servicer.was_cancelled.is_set()
    assert not answer.is_complete


@pytest.mark.parametrize("sent", range(6))
@pytest.mark.parametrize(
    "target",
    [READ, READ + "?failAfter=2", READ + "?alt=sse", "/v1/shelves/1/books/2", "/v1/nowhere"],
)
async def test_a_server_that_says_by_an_oserror_that_the_client_is_gone_is_believed(
    app, target, sent
):
    """ASGI, HTTP: `send` may raise an OSError then; nothing more is sent, and nothing is logged."""
    events = []

    async def receive():
        return await asyncio.Event().wait() if events else {"type": "http.request", "body": b""}

    async def send(event):
        assert len(events) <= sent
        events.append(event["type"])
        if len(events) > sent:
            raise OSError

    await asyncio.wait_for(app(scope_of("GET", target), receive, send), 20)
    assert events.count("http.response.start") == 1


async def test_a_deadline_in_mid_stream_is_the_last_thing_in_it(app, servicer):
    answer = await call(
        app, "GET", "/v1/shelves/1/books/slow:read", headers={"Grpc-Timeout": "500m"}
    )
    assert servicer.was_cancelled.is_set()
    assert answer.json[-1]["error"]["status"] == "DEADLINE_EXCEEDED"


async def test_head_of_a_stream_has_no_body(app):
    answer = await call(app, "HEAD", READ)
    assert (answer.status, answer.body, answer.is_complete) == (200, b"", True)


async def test_bytes_of_a_media_type_are_streamed_as_they_are(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/2:download")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.chunks == [b"%PDF", b"-1.7", b""]
    assert answer.is_complete


async def test_a_servicer_may_write_by_its_context(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/written:download")
    assert (answer.headers["content-type"], answer.body) == ("text/plain", b"by write")


async def test_torn_bytes_of_a_media_type_are_left_incomplete(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/torn:download")
    assert (answer.body, answer.is_complete) == (b"%PDF-1.7", False)


IMPORT = "/v1/shelves/1/books:import"


@pytest.mark.parametrize(
    ("body", "titles"),
    [
        (b'[{"title": "a"}, {"title": "b"}]', ["a", "b"]),
        (b'{"title": "a"}\n{"title": "b"}\n', ["a", "b"]),
        (b'{"title": "a"}\r\n\r\n{"title": "b"}', ["a", "b"]),
        (b' [ {"title": "a,]}\\"[{"} ] ', ['a,]}"[{']),
        (b"[]", []),
        (b"", []),
        (b" \n", []),
    ],
)
async def test_requests_are_read_from_an_array_or_from_lines(app, body, titles):
    answer = await call(app, "POST", IMPORT, body)
    assert answer.status == 200, answer.body
    assert answer.json == ({"titles": [f"shelves/1: {t}" for t in titles]} if titles else {})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'[{"title": "a"}, {"titel": "b"}]', "message 2 of the body: unknown field 'titel' in grpc_transcoding.testing.v1.ImportBooksRequest"),
        (b'{"title": "a"}\nnope\n', "message 2 of the body: the body is not JSON: syntax error at line 1, column 1"),
        (b'[{"title": "a"},]', "message 2 of the body: the body should be a JSON object (grpc_transcoding.testing.v1.ImportBooksRequest)"),
        (b'[{"title": "a"}', "the array in the body is not closed"),
        (b'[{"title": "a"} {"title": "b"}]', "a comma is missing in the body's array"),
        (b'[{"title": "a"} x, {}]', "message 2 of the body: the body is not JSON: syntax error at line 1, column 2"),
        (b'[,{"title": "a"}]', "message 1 of the body: the body should be a JSON object (grpc_transcoding.testing.v1.ImportBooksRequest)"),
        (b'[{"title": "a"}] x', "something follows the array in the body"),
        (b'[{"parent": "shelves/9"}]', "message 1 of the body: the body disagrees with the path, which binds 'parent'; leave it out or repeat the value"),
    ],
)  # fmt: skip
async def test_a_streamed_request_that_is_wrong_says_which_message(app, body, message):
    answer = await call(app, "POST", IMPORT, body)
    assert answer.error == (400, "INVALID_ARGUMENT", message)


async def test_a_streamed_body_of_another_type_is_refused(app):
    answer = await call(app, "POST", IMPORT, b"x=1", {"content-type": "text/plain"})
    assert (answer.status, answer.reason) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "media_type", ["application/x-jsonlines", "Application/X-NDJSON; charset=UTF-8", "text/json+x"]
)
async def test_lines_are_named_by_each_of_their_types(app, media_type):
    answer = await call(app, "POST", IMPORT, b'{"title": "a"}', {"content-type": media_type})
    assert answer.status == (415 if media_type.startswith("text/") else 200)


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"content-encoding": "gzip"}, "the body is encoded as 'gzip', it should not be encoded"),
        ({"content-type": "application/x-ndjson; charset=utf-16"}, "the body's charset is 'utf-16', it should be utf-8"),
    ],
)  # fmt: skip
async def test_a_streamed_body_that_is_written_otherwise_is_refused(app, headers, message):
    answer = await call(app, "POST", IMPORT, b"\x1f\x8b", headers)
    assert answer.error == (415, "INVALID_ARGUMENT", message)


async def test_a_conversation_is_answered_message_by_message(app):
    talk = Conversation(
        app, scope_of("POST", "/v1/discussions"), [b'[{"text": "a"}'], is_whole=False
    )
    await talk.sent()
    assert talk.answer.chunks == [b'[{"text":"a?"}']
    talk.feed(b', {"text": "b"}')
    talk.feed(b"]", more=False)
    assert (await talk.end()).json == [{"text": "a?"}, {"text": "b?"}]


async def test_a_client_that_leaves_a_conversation_cancels_it(app, servicer):
    talk = Conversation(
        app, scope_of("POST", "/v1/discussions"), [b'[{"text": "a"}'], is_whole=False
    )
    await talk.sent()
    talk.disconnect()
    assert not (await talk.end()).is_complete
    assert servicer.requests == [library_pb2.DiscussRequest(text="a")]


async def test_a_servicer_that_reads_no_more_is_cancelled_when_its_client_leaves(servicer):
    async def discuss(request_iterator, context):
        await anext(aiter(request_iterator))
        servicer.has_begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            servicer.was_cancelled.set()
            raise
        yield library_pb2.DiscussResponse()

    servicer.Discuss = discuss
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    parts = [b'[{"text": "a"}', b', {"text": "b"}']
    talk = Conversation(transcoder, scope_of("POST", "/v1/discussions"), parts, is_whole=False)
    await asyncio.wait_for(servicer.has_begun.wait(), 20)
    talk.disconnect()
    await talk.end()
    assert servicer.was_cancelled.is_set()


async def test_bytes_of_a_media_type_are_taken_as_they_arrive(app):
    target = "/v1/shelves/1/books/2:upload"
    headers = [(b"content-type", b"text/plain")]
    talk = Conversation(app, scope_of("POST", target, headers), [b"one", b"two"])
    assert (await talk.end()).json == {
        "chunks": ["shelves/1/books/2 text/plain one", "shelves/1/books/2 text/plain two"]
    }


async def test_a_servicer_may_read_by_its_context(servicer):
    async def import_books(request_iterator, context):
        titles = []
        while (request := await context.read()) is not grpc.aio.EOF:
            titles.append(request.title)
        return library_pb2.ImportBooksResponse(titles=titles)

    servicer.ImportBooks = import_books
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "POST", IMPORT, [{"title": "a"}, {"title": "b"}])
    assert answer.json == {"titles": ["a", "b"]}


async def test_reading_and_writing_by_the_context_are_for_streams(app, servicer):
    await call(app, "GET", "/v1/shelves/1/books/2")
    (context,) = servicer.contexts
    with pytest.raises(grpc.aio.UsageError, match="RPC already finished"):
        await context.write(library_pb2.Book())

    async def get_book(request, context):
        with pytest.raises(grpc.aio.UsageError, match="for streamed requests"):
            await context.read()
        with pytest.raises(grpc.aio.UsageError, match="for streamed replies"):
            await context.write(library_pb2.Book())
        await context.send_initial_metadata(())
        with pytest.raises(grpc.aio.UsageError, match="already sent"):
            await context.send_initial_metadata(())
        return library_pb2.Book()

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    assert (await call(transcoder, "GET", "/v1/shelves/1/books/2")).status == 200


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_where_a_body_is_cut_does_not_matter(size):
    text = b' [{"a": "x\\"]}\\\\"}, [1, [2]], "s,", 3 ,{}]\n'
    splitter = JsonSplitter(1000)
    values = []
    for at in range(0, len(text), size):
        values += [json.loads(value) for value in splitter.feed(text[at : at + size])]
    values += list(splitter.end())
    assert values == json.loads(text)


def test_one_message_of_a_stream_has_the_limit_of_a_body():
    splitter = JsonSplitter(10)
    assert list(splitter.feed(b"[1,2,3,4,5,6,7,8,9,10,")) == [b"%d" % n for n in range(1, 11)]
    for part in (b'"a long string', b'{"a": "long object"}', b'"a long string", 2'):
        with pytest.raises(TranscodingError) as raised:
            list(splitter.feed(part))
        assert raised.value.http_status == 413
        splitter = JsonSplitter(10)
        assert list(splitter.feed(b"[")) == []


def test_white_space_before_a_body_is_not_kept():
    splitter = JsonSplitter(10)
    for _ in range(10):
        assert list(splitter.feed(b" \n\t\r" * 5)) == []
    assert list(splitter.feed(b" [1,")) == [b"1"]


async def test_large_messages_of_streams_do_not_hold_up_other_calls(app):
    on_threads = []
    asyncio.get_running_loop().set_default_executor(Counting(on_threads))
    texts = ["small", "large" * 50_000]
    answer = await call(app, "POST", "/v1/discussions", [{"text": text} for text in texts])
    assert answer.json == [{"text": f"{text}?"} for text in texts]
    assert len(on_threads) == 2  # one to read, one to write


class Counting(ThreadPoolExecutor):
    def __init__(self, calls):
        super().__init__(1)
        self.calls = calls

    def submit(self, *args, **options):
        self.calls.append(args)
        return super().submit(*args, **options)
