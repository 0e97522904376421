"""The gRPC wire protocol over ASGI, as grpcio's own clients speak it."""

import asyncio
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc

PATIENCE = 20.0


@pytest.fixture
def stub(library_channel):
    return library_pb2_grpc.LibraryStub(library_channel)


@pytest.fixture
def aio_stub(library_aio_channel):
    return library_pb2_grpc.LibraryStub(library_aio_channel)


def book(ending):
    return library_pb2.GetBookRequest(name=f"shelves/1/books/{ending}")


def failure_of(call):
    with pytest.raises(grpc.RpcError) as raised:
        call()
    return raised.value


def test_a_reply_comes_with_its_metadata_and_trailers(stub):
    reply, call = stub.GetBook.with_call(book("metadata"), timeout=PATIENCE)
    assert reply == library_pb2.Book(name="shelves/1/books/metadata", title="Emma")
    assert {("x-shelf", "7"), ("etag", '"abc"')} <= set(map(tuple, call.initial_metadata()))
    assert set(map(tuple, call.trailing_metadata())) == {
        ("x-took", "1ms"),
        ("x-raw-bin", b"\x00\xff"),
    }
    assert call.code() is grpc.StatusCode.OK


async def test_the_async_client_sees_the_same(aio_stub):
    call = aio_stub.GetBook(book("metadata"), timeout=PATIENCE)
    assert (await call).title == "Emma"
    assert ("x-shelf", "7") in [tuple(entry) for entry in await call.initial_metadata()]
    assert ("x-raw-bin", b"\x00\xff") in [tuple(entry) for entry in await call.trailing_metadata()]
    assert await call.code() is grpc.StatusCode.OK


def test_metadata_of_the_request_arrives(stub):
    metadata = (("x-text", "a b"), ("x-raw-bin", b"\x00\xff"), ("x-raw-bin", b"2"))
    told = stub.GetBook(book("metadata-seen"), timeout=PATIENCE, metadata=metadata).title
    for part in (
        "x-text='a b'",
        "x-raw-bin=b'\\x00\\xff'",
        "x-raw-bin=b'2'",
        "user-agent='grpc-py",
    ):
        assert part in told
    assert "te=" not in told


def test_an_empty_message_arrives_both_ways(stub):
    assert stub.DeleteBook(library_pb2.DeleteBookRequest(), timeout=PATIENCE).ByteSize() == 0


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_a_large_message_arrives_both_ways(stub, size):
    sent = library_pb2.CreateBookRequest(book=library_pb2.Book(title="x" * size))
    assert stub.CreateBook(sent, timeout=PATIENCE) == sent.book


def test_a_message_that_is_too_large_is_refused(stub):
    sent = library_pb2.CreateBookRequest(book=library_pb2.Book(title="x" * 5_000_000))
    error = failure_of(lambda: stub.CreateBook(sent, timeout=PATIENCE))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_gzipped_request_is_understood(stub):
    sent = library_pb2.CreateBookRequest(book=library_pb2.Book(title="x" * 10_000))
    compression = grpc.Compression.Gzip
    assert stub.CreateBook(sent, timeout=PATIENCE, compression=compression) == sent.book


def test_other_compression_is_refused(stub):
    sent = library_pb2.CreateBookRequest(book=library_pb2.Book(title="x" * 10_000))
    compression = grpc.Compression.Deflate
    error = failure_of(lambda: stub.CreateBook(sent, timeout=PATIENCE, compression=compression))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_an_abort_comes_with_its_metadata(stub):
    error = failure_of(lambda: stub.GetBook(book("headed"), timeout=PATIENCE))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "no such book")
    assert [tuple(entry) for entry in error.trailing_metadata()] == [("x-took", "1ms")]
    assert ("x-shelf", "7") in [tuple(entry) for entry in error.initial_metadata()]


def test_a_message_of_any_characters_arrives(stub):
    error = failure_of(lambda: stub.GetBook(book("told"), timeout=PATIENCE))
    assert (error.code(), error.details()) == (grpc.StatusCode.NOT_FOUND, "größer als 100%\n")


def test_the_details_of_a_status_arrive(stub):
    status = rpc_status.from_call(
        failure_of(lambda: stub.GetBook(book("detailed"), timeout=PATIENCE))
    )
    (detail,) = status.details
    info = error_details_pb2.ErrorInfo()
    assert detail.Unpack(info)
    assert (status.message, info.reason) == ("lent out", "LENT")


def test_an_exception_of_a_servicer_is_not_shown(stub):
    error = failure_of(lambda: stub.GetBook(book("broken"), timeout=PATIENCE))
    assert (error.code(), error.details()) == (grpc.StatusCode.INTERNAL, "Internal error.")


def test_an_unknown_method_is_unimplemented(library_channel):
    call = library_channel.unary_unary("/grpc_transcoding.testing.v1.Library/Nothing")
    error = failure_of(lambda: call(b"", timeout=PATIENCE))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


def test_what_is_no_message_is_refused(library_channel):
    call = library_channel.unary_unary("/grpc_transcoding.testing.v1.Library/GetBook")
    error = failure_of(lambda: call(b"\xff\xff", timeout=PATIENCE))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_deadline_passes_here_and_there(aio_stub):
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await aio_stub.GetBook(book("wait"), timeout=3.0)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await aio_stub.GetBook(book("wait-began"), timeout=PATIENCE)
    await aio_stub.GetBook(book("wait-cancelled"), timeout=PATIENCE)


def test_the_servicer_knows_the_time_that_is_left(stub):
    left = float(stub.GetBook(book("time-seen"), timeout=PATIENCE).title)
    assert PATIENCE / 2 < left < PATIENCE + 1  # a client rounds it up


async def test_a_cancelled_call_is_cancelled_in_the_servicer(aio_stub):
    call = aio_stub.GetBook(book("wait"))
    waiting = asyncio.ensure_future(call.wait_for_connection())
    await aio_stub.GetBook(book("wait-began"), timeout=PATIENCE)
    assert call.cancel()
    waiting.cancel()
    await aio_stub.GetBook(book("wait-cancelled"), timeout=PATIENCE)


async def test_a_closed_connection_cancels_its_calls(library, aio_stub):
    async with grpc.aio.insecure_channel(library) as channel:
        call = library_pb2_grpc.LibraryStub(channel).GetBook(book("wait"))
        await aio_stub.GetBook(book("wait-began"), timeout=PATIENCE)
    assert call.cancelled()
    await aio_stub.GetBook(book("wait-cancelled"), timeout=PATIENCE)


def test_replies_are_streamed(stub):
    request = library_pb2.ReadBookRequest(name="shelves/1/books/2")
    replies = stub.ReadBook(request, timeout=PATIENCE)
    assert [reply.text for reply in replies] == ["page 1", "page 2", "page 3"]
    assert replies.code() is grpc.StatusCode.OK


def test_a_stream_may_end_with_an_error(stub):
    request = library_pb2.ReadBookRequest(name="shelves/1/books/2", fail_after=2)
    replies = stub.ReadBook(request, timeout=PATIENCE)
    assert [next(replies).text, next(replies).text] == ["page 1", "page 2"]
    error = failure_of(lambda: next(replies))
    assert (error.code(), error.details()) == (grpc.StatusCode.DATA_LOSS, "the rest is gone")


async def test_a_reply_arrives_before_the_next_one_is_made(aio_stub):
    replies = aio_stub.ReadBook(library_pb2.ReadBookRequest(name="shelves/1/books/slow"))
    assert (await replies.read()).text == "page 1"
    await aio_stub.GetBook(book("wait-began"), timeout=PATIENCE)
    replies.cancel()
    await aio_stub.GetBook(book("wait-cancelled"), timeout=PATIENCE)


def test_requests_are_streamed(stub):
    requests = (
        library_pb2.ImportBooksRequest(parent="shelves/1", title=f"{number}") for number in range(9)
    )
    reply = stub.ImportBooks(requests, timeout=PATIENCE)
    assert list(reply.titles) == [f"shelves/1: {number}" for number in range(9)]


async def test_both_sides_may_talk_in_turn(aio_stub):
    call = aio_stub.Discuss(timeout=PATIENCE)
    for text in ("one", "two"):
        await call.write(library_pb2.DiscussRequest(text=text))
        assert (await call.read()).text == f"{text}?"
    await call.done_writing()
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_more_calls_than_a_connection_may_have_at_a_time_all_succeed(aio_stub):
    calls = [aio_stub.GetBook(book("2"), timeout=PATIENCE) for _ in range(500)]
    assert {(await call).title for call in calls} == {"Emma"}


async def test_more_calls_than_a_connection_may_have_in_all_succeed(aio_stub):
    async def some():
        for _ in range(100):
            assert (await aio_stub.GetBook(book("2"), timeout=PATIENCE)).title == "Emma"

    await asyncio.gather(*(some() for _ in range(50)))


def test_threads_share_a_channel(stub):
    with ThreadPoolExecutor(8) as threads:
        titles = threads.map(lambda _: stub.GetBook(book("2"), timeout=PATIENCE).title, range(200))
        assert set(titles) == {"Emma"}


def test_rest_is_answered_on_the_same_port(library):
    with urllib.request.urlopen(f"http://{library}/v1/shelves/1/books/2", timeout=20) as answer:
        assert json.load(answer) == {"name": "shelves/1/books/2", "title": "Emma"}


def test_grpc_without_http_2_is_refused(library):
    request = urllib.request.Request(
        f"http://{library}/grpc_transcoding.testing.v1.Library/GetBook",
        data=b"\0\0\0\0\0",
        headers={"content-type": "application/grpc"},
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=20)
    with raised.value as refused:
        assert refused.code == 505
