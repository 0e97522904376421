"""Unary calls over HTTP: what the servicer is asked, and what the client is told."""

import asyncio

import pytest
from google.protobuf import any_pb2, json_format

from tests.grpc_transcoding._gen import library_pb2
from tests.grpc_transcoding.asgi_client import Conversation, call, scope_of

BOOK = "/v1/shelves/1/books/2"


async def test_a_reply_is_one_line_of_json_without_defaults(app):
    answer = await call(app, "GET", BOOK)
    assert answer.status == 200
    assert answer.headers == {"content-type": "application/json", "content-length": "43"}
    assert answer.body == b'{"name":"shelves/1/books/2","title":"Emma"}'


@pytest.mark.parametrize(
    ("method", "target", "body", "expected"),
    [
        ("GET", BOOK, None, library_pb2.GetBookRequest(name="shelves/1/books/2")),
        ("GET", "/v1/drafts/a/b%2Fc", None, library_pb2.GetBookRequest(name="drafts/a/b%2Fc")),
        ("GET", "/v1/drafts", None, library_pb2.GetBookRequest(name="drafts")),
        ("GET", BOOK + "/", None, library_pb2.GetBookRequest(name="shelves/1/books/2")),
        ("GET", BOOK + "/pages/7", None, library_pb2.GetPageRequest(name=BOOK[4:], number=7)),
        (
            "GET",
            ("/v1/shelves/1/books?pageSize=5&page_token=a+b&bindings=BINDING_HARD&bindings=2"
            "&author.fullName=J%26A"),
            None,
            library_pb2.ListBooksRequest(
                parent="shelves/1",
                page_size=5,
                page_token="a b",
                bindings=[1, 2],
                author=library_pb2.Author(full_name="J&A"),
            ),
        ),
        (
            "POST",
            "/v1/shelves/1/books?book_id=emma",
            {"title": "Emma", "author": {"fullName": "Jane"}},
            library_pb2.CreateBookRequest(
                parent="shelves/1",
                book_id="emma",
                book=library_pb2.Book(title="Emma", author=library_pb2.Author(full_name="Jane")),
            ),
        ),
        ("POST", "/v1/shelves/1/books", None, library_pb2.CreateBookRequest(parent="shelves/1")),
        ("POST", BOOK + ":move", {"destination": "x"}, library_pb2.MoveBookRequest(name=BOOK[4:], destination="x")),
        ("POST", BOOK + ":move", {"name": BOOK[4:]}, library_pb2.MoveBookRequest(name=BOOK[4:])),
        ("POST", BOOK + ":move", b"", library_pb2.MoveBookRequest(name=BOOK[4:])),
        ("DELETE", BOOK, None, library_pb2.DeleteBookRequest(name=BOOK[4:])),
        ("DELETE", BOOK, {}, library_pb2.DeleteBookRequest(name=BOOK[4:])),
        ("DELETE", BOOK, {"name": BOOK[4:]}, library_pb2.DeleteBookRequest(name=BOOK[4:])),
        ("DELETE", BOOK, b" \n", library_pb2.DeleteBookRequest(name=BOOK[4:])),
    ],
)  # fmt: skip
async def test_path_query_and_body_become_the_request(
    app, servicer, method, target, body, expected
):
    answer = await call(app, method, target, body, {"content-type": "application/json"})
    assert answer.status == 200, answer.body
    assert servicer.requests == [expected]


async def test_a_response_body_is_the_field_alone(app):
    answer = await call(app, "GET", BOOK + "/pages/7")
    assert answer.body == b'["line of page 7"]'


@pytest.mark.parametrize("target", ["/v1/echo:types"])
async def test_a_response_body_that_is_not_set_is_an_empty_object(app, target):
    assert (await call(app, "POST", target)).body == b"{}"


async def test_an_empty_reply_is_an_empty_object(app):
    assert (await call(app, "DELETE", BOOK)).body == b"{}"


async def test_head_is_get_without_a_body(app):
    get, head = await call(app, "GET", BOOK), await call(app, "HEAD", BOOK)
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


async def test_head_of_an_error_has_no_body_either(app):
    answer = await call(app, "HEAD", "/nowhere")
    assert (answer.status, answer.body) == (404, b"")


async def test_options_tells_what_a_path_answers(app):
    answer = await call(app, "OPTIONS", BOOK)
    assert answer.status == 204
    assert answer.headers == {"allow": "DELETE, GET, HEAD, OPTIONS, PATCH"}
    assert answer.body == b""


async def test_a_custom_kind_of_star_answers_every_method(app, servicer):
    for method in ("GET", "PURGE", "OPTIONS"):
        assert (
            await call(app, method, "/v1/echo:any", {"types": {"boolValue": True}})
        ).status == 200
    assert all(request.types.bool_value for request in servicer.requests)


async def test_an_any_of_a_known_type_is_shown_by_its_fields(app, servicer):
    extra = any_pb2.Any()
    extra.Pack(library_pb2.Author(full_name="Jane"))
    servicer.reply = library_pb2.Book(extra=extra)
    assert (await call(app, "GET", BOOK)).json == {
        "extra": {
            "@type": "type.googleapis.com/grpc_transcoding.testing.v1.Author",
            "fullName": "Jane",
        }
    }


@pytest.mark.parametrize("value", [b"\x0a\x01x", b"", b"\xff\xff"])
async def test_an_any_of_an_unknown_type_is_shown_as_base64(app, servicer, value):
    inner = any_pb2.Any(type_url="type.googleapis.com/who.Knows", value=value)
    outer = any_pb2.Any()
    outer.Pack(library_pb2.Book(extra=inner, title="outer"))
    servicer.reply = library_pb2.Book(extra=outer, tags=["a"])
    import base64

    assert (await call(app, "GET", BOOK)).json == {
        "tags": ["a"],
        "extra": {
            "@type": "type.googleapis.com/grpc_transcoding.testing.v1.Book",
            "title": "outer",
            "extra": {
                "@type": "type.googleapis.com/who.Knows",
                "value": base64.b64encode(value).decode(),
            },
        },
    }


async def test_a_servicer_may_reply_with_bytes(app, servicer):
    servicer.reply = library_pb2.Book(title="by bytes").SerializeToString()
    assert (await call(app, "GET", BOOK)).json == {"title": "by bytes"}


async def test_metadata_of_the_reply_becomes_headers(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/metadata")
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": answer.headers["content-length"],
        "grpc-metadata-x-shelf": "7",
        "etag": '"abc"',
        "grpc-trailer-x-took": "1ms",
        "grpc-trailer-x-raw-bin": "AP8",
    }


async def test_headers_become_metadata_as_grpc_carries_them(app, servicer):
    await call(
        app,
        "GET",
        BOOK,
        headers={
            "X-Plain": "one",
            "Grpc-Metadata-X-Prefixed": "two",
            "Grpc-Metadata-X-Raw-Bin": "AP8=, AQ",
            "X-Also-Bin": "AP8",
            "Authorization": "Bearer t",
            "Connection": "keep-alive",
            "Host": "example.com",
            "Te": "trailers",
            "Grpc-Encoding": "gzip",
            "X-Tilde~": "no key of gRPC's",
        },
    )
    context = servicer.contexts[0]
    assert context.invocation_metadata() == (
        ("x-plain", "one"),
        ("x-prefixed", "two"),
        ("x-raw-bin", b"\x00\xff"),
        ("x-raw-bin", b"\x01"),
        ("x-also-bin", b"\x00\xff"),
        ("authorization", "Bearer t"),
    )
    assert context.invocation_metadata()[0].key == "x-plain"
    assert context.peer() == "ipv4:127.0.0.1:50000"
    assert context.time_remaining() is None


async def test_long_names_of_headers_are_carried_and_not_kept(app, servicer):
    from grpc_transcoding.calls import metadata

    names = [f"x-{n}-{'y' * 1000}" for n in range(50)]
    metadata._short_key.cache_clear()
    await call(app, "GET", BOOK, headers=dict.fromkeys(names, "1"))
    carried = servicer.contexts[0].invocation_metadata()
    assert [key for key, _ in carried] == names
    assert metadata._short_key.cache_info().currsize == 0


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("::1", 7), "ipv6:%5B::1%5D:7"),
        (("10.0.0.1", 7), "ipv4:10.0.0.1:7"),
        (None, "unknown:"),
        (("/run/app.sock", None), "unix:/run/app.sock"),
        (("203.0.113.7", 0), "ipv4:203.0.113.7:0"),
        (("2001:db8::7", 0), "ipv6:%5B2001:db8::7%5D:0"),
        (("testclient", 0), "unknown:testclient"),
    ],
)
async def test_the_peer_is_written_as_grpc_writes_it(app, servicer, client, peer):
    await call(app, "GET", BOOK, client=client)
    assert servicer.contexts[0].peer() == peer


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"X-Server-Timeout": "120.5"}, 100, 120.5),
        ({"Grpc-Timeout": "180S"}, 160, 180),
        ({"Grpc-Timeout": "75500m"}, 55, 75.5),
        ({"Grpc-Timeout": "2M", "X-Server-Timeout": "90"}, 70, 90),
    ],
)
async def test_a_timeout_of_the_request_is_the_calls_deadline(app, servicer, headers, low, high):
    await call(app, "GET", BOOK, headers=headers)
    assert low < servicer.contexts[0].time_remaining() <= high


async def test_a_call_past_its_deadline_is_cancelled(app, servicer):
    answer = await call(app, "GET", "/v1/shelves/1/books/wait", headers={"Grpc-Timeout": "500m"})
    assert answer.error == (
        504,
        "DEADLINE_EXCEEDED",
        "The deadline passed before the reply was ready.",
    )
    assert answer.reason == "DEADLINE_EXCEEDED"
    assert servicer.was_cancelled.is_set()


async def test_the_time_that_a_body_takes_is_part_of_the_calls(app, servicer):
    headers = [(b"x-server-timeout", b"60"), (b"transfer-encoding", b"chunked")]
    talk = Conversation(app, scope_of("GET", BOOK, headers), [b"{"], is_whole=False)
    await asyncio.sleep(0)  # it begins to read
    await asyncio.sleep(0.5)
    talk.feed(b"}", more=False)
    assert (await talk.end()).status == 200
    (context,) = servicer.contexts
    assert 0 < context.time_remaining() <= 60 - 0.5


async def test_a_client_that_disconnects_cancels_the_call(app, servicer):
    talk = Conversation(app, scope_of("GET", "/v1/shelves/1/books/wait"))
    await servicer.has_begun.wait()
    talk.disconnect()
    answer = await talk.end()
    assert servicer.was_cancelled.is_set()
    assert answer.status == 0


async def test_cancelling_the_request_itself_is_not_swallowed(app, servicer):
    talk = Conversation(app, scope_of("GET", "/v1/shelves/1/books/wait"))
    await servicer.has_begun.wait()
    talk.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await talk.end()


async def test_done_callbacks_are_called_with_the_context(app, servicer):
    called = []

    async def get_book(request, context):
        context.add_done_callback(lambda done: called.append((done is context, done.done())))
        return library_pb2.Book()

    servicer.GetBook = get_book
    from grpc_transcoding import Transcoder
    from tests.grpc_transcoding._gen import library_pb2_grpc

    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    await call(transcoder, "GET", BOOK)
    assert called == [(True, True)]


@pytest.mark.parametrize(
    ("field", "reply", "body"),
    [
        ("strings", {"strings": ["a"]}, b'["a"]'),
        ("strings", {}, b"[]"),
        ("string_map", {"stringMap": {"a": "b"}}, b'{"a":"b"}'),
        ("string_map", {}, b"{}"),
        ("int64_value", {"int64Value": "5"}, b'"5"'),
        ("int64_value", {}, b'"0"'),
        ("enum_value", {}, b'"BINDING_UNSPECIFIED"'),
        ("optional_int32", {"optionalInt32": 0}, b"0"),
        ("optional_int32", {}, b"null"),
        ("author", {"author": {"year": 1}}, b'{"year":1}'),
        ("author", {}, b"{}"),
        ("timestamp", {"timestamp": "2020-01-01T00:00:00Z"}, b'"2020-01-01T00:00:00Z"'),
        ("timestamp", {}, b"null"),
        ("int32_wrapper", {"int32Wrapper": 0}, b"0"),
        ("int32_wrapper", {}, b"null"),
        ("struct", {"struct": {"a": 1}}, b'{"a":1.0}'),
        ("authors", {"authors": [{}]}, b"[{}]"),
        ("choice_author", {"choiceString": "x"}, b"{}"),
    ],
)
def test_a_response_body_may_be_any_field(field, reply, body):
    from google.protobuf import descriptor_pool

    from grpc_transcoding import JsonFormat
    from grpc_transcoding.messages.json_reply import encode_json

    message = json_format.ParseDict(reply, library_pb2.AllTypes())
    style = JsonFormat(response_body=field)
    assert encode_json(message, style, descriptor_pool.Default()) == body


def test_old_routes_make_room_and_long_paths_are_not_kept():
    from types import SimpleNamespace

    from grpc_transcoding.http.route_cache import Route, RouteCache

    cache = RouteCache()
    route = Route(SimpleNamespace(path_may_say_all=True), (("name", "a"),))
    for number in range(5000):
        cache.put("GET", b"/%d" % number, route)
    kept = [number for number in range(5000) if cache.get("GET", b"/%d" % number)]
    assert kept == list(range(5000 - 4096, 5000))
    cache.put("GET", b"/" + b"x" * 512, route)
    assert cache.get("GET", b"/" + b"x" * 512) is None
    cache.put("X" * 33, b"/", route)  # a binding of the kind `*` answers any method
    assert cache.get("X" * 33, b"/") is None


@pytest.mark.parametrize(
    ("extensions", "context", "key", "identities"),
    [
        ({}, {}, None, None),
        ({"tls": {"client_cert_name": None}}, {"transport_security_type": (b"ssl",)}, None, None),
        (
            {"tls": {"client_cert_name": "CN=jane,O=Library", "client_cert_chain": ["PEM"]}},
            {
                "transport_security_type": (b"ssl",),
                "x509_common_name": (b"jane",),
                "x509_pem_cert": (b"PEM",),
            },
            "x509_common_name",
            (b"jane",),
        ),
    ],
)
async def test_a_clients_certificate_is_its_identity(
    app, servicer, extensions, context, key, identities
):
    await call(app, "GET", BOOK, extensions=extensions)
    (seen,) = servicer.contexts
    assert seen.auth_context() == context
    assert (seen.peer_identity_key(), seen.peer_identities()) == (key, identities)


async def test_an_unknown_any_is_found_wherever_it_is(servicer):
    from google.protobuf import descriptor_pool

    from grpc_transcoding import JsonFormat
    from grpc_transcoding.messages.json_reply import to_value

    unknown = any_pb2.Any(type_url="type.googleapis.com/who.Knows", value=b"x")
    inner = library_pb2.AllTypes(nested=library_pb2.AllTypes(any=unknown), string_value="a")
    packed = any_pb2.Any()
    packed.Pack(inner)
    message = library_pb2.AllTypes(
        any=packed,
        authors=[library_pb2.Author(year=1)],
        author_map={"k": library_pb2.Author(year=2)},
        string_map={"a": "b"},
    )
    before = message.SerializeToString(deterministic=True)
    value = to_value(message, JsonFormat(), descriptor_pool.Default())
    assert value["any"]["nested"]["any"] == {
        "@type": "type.googleapis.com/who.Knows",
        "value": "eA==",
    }
    assert value["any"]["stringValue"] == "a"
    assert (value["authors"], value["authorMap"]) == ([{"year": 1}], {"k": {"year": 2}})
    assert message.SerializeToString(deterministic=True) == before
