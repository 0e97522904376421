"""Replies that are asked for again are not written again, and are never stale."""

import tracemalloc

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from grpc_transcoding import JsonFormat, ReplyCache, Transcoder
from grpc_transcoding.http import reply_cache
from grpc_transcoding.messages.json_reply import encode_json
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call

BOOK = "/v1/shelves/1/books/2"
PLAIN, PRETTY = JsonFormat(), JsonFormat(pretty=True)


class Encoder:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, reply, style) -> bytes:
        self.calls += 1
        return f"{reply.title} {style.pretty}".encode()


def test_an_equal_reply_is_written_once_for_each_style():
    cache, encode = ReplyCache(), Encoder()
    for _ in range(3):
        assert cache(library_pb2.Book(title="Emma"), PLAIN, encode) == b"Emma False"
        assert cache(library_pb2.Book(title="Emma"), PRETTY, encode) == b"Emma True"
    assert encode.calls == 2


def test_replies_of_two_types_with_the_same_bytes_are_two():
    cache, encode = ReplyCache(), Encoder()
    book = library_pb2.Book(name="a", title="b")
    create = library_pb2.UpdateBookResponse.FromString(b"")
    assert cache(library_pb2.Book(), PLAIN, encode) == b" False"
    assert cache(create, PLAIN, lambda *_: b"{}") == b"{}"
    assert cache(book, PLAIN, encode) == b"b False"


def test_a_reply_that_was_changed_in_place_is_another():
    cache, encode = ReplyCache(), Encoder()
    book = library_pb2.Book(title="Emma")
    assert cache(book, PLAIN, encode) == b"Emma False"
    book.title = "Lady Susan"
    assert cache(book, PLAIN, encode) == b"Lady Susan False"


def test_what_is_too_large_is_not_kept():
    cache, encode = ReplyCache(max_reply_bytes=10), Encoder()
    for _ in range(2):
        cache(library_pb2.Book(title="x" * 20), PLAIN, encode)
    assert (encode.calls, cache.size) == (2, 0)


@pytest.mark.parametrize("style", [PLAIN, JsonFormat(response_body="metadata")])
def test_a_type_that_becomes_known_later_is_shown_from_then_on(style):
    cache, pool = ReplyCache(), descriptor_pool.DescriptorPool()
    for known in (any_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
    late = any_pb2.Any(type_url="type.googleapis.com/late.Late", value=b"\x0a\x01x")
    reply = operations_pb2.Operation(name="a", metadata=late)

    def written() -> bytes:
        return cache(reply, style, lambda *what: encode_json(*what, pool))

    assert b'"value":"CgF4"' in written()
    assert b'"value":"CgF4"' in written()
    file = descriptor_pb2.FileDescriptorProto(name="late.proto", package="late", syntax="proto3")
    file.message_type.add(name="Late").field.add(name="title", number=1, type=9, label=1)
    pool.Add(file)
    assert b'"title":"x"' in written()
    assert b'"title":"x"' in written()
    assert len(cache._kept) == 1


@given(st.lists(st.integers(0, 30), max_size=60))
def test_it_never_holds_more_than_it_may_and_is_always_right(numbers):
    cache, encode = ReplyCache(max_bytes=3000), Encoder()
    for number in numbers:
        title = "t" * number
        assert cache(library_pb2.Book(title=title), PLAIN, encode) == f"{title} False".encode()
        held = sum(len(raw) + len(json) + 304 for (raw, *_), json in cache._kept.items())
        assert cache.size == held <= 3000


def test_what_python_takes_for_many_small_replies_is_counted_too():
    cache = ReplyCache(max_bytes=1024 * 1024)
    tracemalloc.start()
    try:
        for number in range(20_000):
            cache(library_pb2.Book(title=f"{number}"), PLAIN, lambda book, _: book.title.encode())
        # By other threads of the process, something may be taken meanwhile.
        ours = [tracemalloc.Filter(True, file) for file in (__file__, reply_cache.__file__)]
        traces = tracemalloc.take_snapshot().filter_traces(ours).traces
    finally:
        tracemalloc.stop()
    assert len(cache._kept) > 1000
    assert 512 * 1024 < sum(trace.size for trace in traces) < 1024 * 1024


async def test_a_transcoder_with_a_cache_answers_the_same(app, servicer):
    cached = Transcoder(reply_encoder=ReplyCache())
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, cached)
    for title in ("Emma", "Emma", "Lady Susan"):
        servicer.reply = library_pb2.Book(title=title)
        for query in ("", "?prettyPrint=true", "?fields=title", "?alt=proto"):
            expected = await call(app, "GET", BOOK + query)
            assert (await call(cached, "GET", BOOK + query)).body == expected.body
