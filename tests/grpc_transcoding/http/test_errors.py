"""Every refusal: its HTTP status, its code, its reason, its message."""

import grpc
import pytest

from grpc_transcoding import Limits, Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call

BOOK = "/v1/shelves/1/books/2"
LIST = "/v1/shelves/1/books"
JSON = {"content-type": "application/json"}
NUMBER = "an integer from -2147483648 to 2147483647"
CREATE = "grpc_transcoding.testing.v1.CreateBookRequest"
BOOK_TYPE = "grpc_transcoding.testing.v1.Book"
ENUM = (
    "a value of grpc_transcoding.testing.v1.Binding (BINDING_UNSPECIFIED, BINDING_HARD,"
    " BINDING_SOFT) or its number"
)

# method, target, body, headers -> HTTP status, reason, message (INVALID_ARGUMENT)
INVALID = [
    # The path.
    ("GET", "/v1/drafts/%ff", None, {}, 400, "INVALID_PATH_ENCODING", "the path is not UTF-8 once it is percent-decoded"),
    ("GET", b"/v1/drafts/\xff", None, {}, 400, "INVALID_PATH_ENCODING", "the path is not UTF-8 once it is percent-decoded"),
    ("GET", BOOK + "/pages/x", None, {}, 400, "INVALID_FIELD_VALUE", f"path 'number' is 'x', it should be {NUMBER}"),
    ("GET", BOOK + "/pages/2147483648", None, {}, 400, "INVALID_FIELD_VALUE", f"path 'number' is '2147483648', it should be {NUMBER}"),
    # The query.
    ("GET", LIST + "?colour=red", None, {}, 400, "UNKNOWN_QUERY_PARAMETER", "unknown query parameter 'colour': grpc_transcoding.testing.v1.ListBooksRequest has no field 'colour'"),
    ("GET", LIST + "?author.age=3", None, {}, 400, "UNKNOWN_QUERY_PARAMETER", "unknown query parameter 'author.age': grpc_transcoding.testing.v1.Author has no field 'age'"),
    ("GET", LIST + "?pageSize.x=3", None, {}, 400, "UNKNOWN_QUERY_PARAMETER", "unknown query parameter 'pageSize.x': grpc_transcoding.testing.v1.ListBooksRequest.page_size is no message: nothing can follow it"),
    ("GET", LIST + "?pageSize=many", None, {}, 400, "INVALID_FIELD_VALUE", f"query parameter 'pageSize' is 'many', it should be {NUMBER}"),
    ("GET", LIST + "?pageSize=1&page_size=2", None, {}, 400, "REPEATED_QUERY_PARAMETER", "query parameter 'pageSize' is given 2 times, but grpc_transcoding.testing.v1.ListBooksRequest.page_size holds one value"),
    ("GET", LIST + "?bindings=GLUE", None, {}, 400, "INVALID_FIELD_VALUE", f"query parameter 'bindings' is 'GLUE', it should be {ENUM}"),
    ("GET", LIST + "?author=Jane", None, {}, 400, "INVALID_FIELD_VALUE", "query parameter 'author' is 'Jane', it should be one of its fields, such as author.full_name: grpc_transcoding.testing.v1.Author has no text of its own"),
    ("GET", LIST + "?parent=shelves/9", None, {}, 400, "PATH_FIELD_CONFLICT", "query parameter 'parent' disagrees with the path, which binds 'parent'; leave it out or repeat the value"),
    ("GET", LIST + "?pageToken=%ff", None, {}, 400, "INVALID_QUERY_ENCODING", "the query parameter 'pageToken=%ff' is not UTF-8"),
    ("GET", "/v1/echo?types.choiceString=a&types.choiceInt32=1", None, {}, 400, "ONEOF_CONFLICT", "'types.choiceInt32' and 'choice_string' exclude each other: both are in the oneof 'choice'"),
    ("POST", BOOK + ":move?destination=x", {}, {}, 400, "UNEXPECTED_QUERY_PARAMETER", "query parameter 'destination' is not taken: all that the path leaves is in the body of this method"),
    ("POST", LIST + "?book.title=x", {}, {}, 400, "FIELD_BOUND_BY_BODY", "query parameter 'book.title' is part of 'book', which the body holds"),
    # The body.
    ("POST", LIST, b"{", JSON, 400, "INVALID_JSON", "the body is not JSON: syntax error at line 1, column 2"),
    ("POST", LIST, b'{\n "title": nope}', JSON, 400, "INVALID_JSON", "the body is not JSON: syntax error at line 2, column 11"),
    ("POST", LIST, b"\xff", JSON, 400, "INVALID_JSON", "the body is not UTF-8: byte 1 is not part of a character"),
    ("POST", LIST, b'{"title": NaN}', JSON, 400, "INVALID_JSON", "the body is not JSON: it holds NaN, Infinity, or a number that is too large"),
    ("POST", LIST, b'{"title": 1e999}', JSON, 400, "INVALID_JSON", "the body is not JSON: it holds NaN, Infinity, or a number that is too large"),
    ("POST", LIST, b'{"title": ' + b"9" * 5000 + b"}", JSON, 400, "INVALID_JSON", "the body is not JSON: it holds NaN, Infinity, or a number that is too large"),
    ("POST", LIST, b'{"title": "a", "author": {"year": 1, "year": 2}}', JSON, 400, "INVALID_JSON", "the body is not JSON that means one thing: an object has the member 'year' twice"),
    ("POST", LIST, {"extra": {"@type": 5}}, {}, 400, "INVALID_FIELD_VALUE", "book.extra should be an object with '@type' naming a type that is known here"),
    ("POST", "/v1/echo:types", {"bytesValue": "!!!"}, {}, 400, "INVALID_FIELD_VALUE", "types.bytesValue should be base64"),
    ("POST", "/v1/echo", {"types": {"bytesList": ["YQ", "a b"]}}, {}, 400, "INVALID_FIELD_VALUE", "types.bytesList[1] should be base64"),
    ("POST", "/v1/echo", {"types": {"nested": {"bytesWrapper": "="}}}, {}, 400, "INVALID_FIELD_VALUE", "types.nested.bytesWrapper should be base64"),
    ("POST", "/v1/echo:types", {"bytesValue": "a"}, {}, 400, "INVALID_FIELD_VALUE", "types.bytesValue should be base64"),
    ("POST", "/v1/echo:types", {"choiceString": "a", "choiceInt32": 1}, {}, 400, "INVALID_FIELD_VALUE", "types should be a grpc_transcoding.testing.v1.AllTypes with each field and oneof set once"),
    ("GET", "/v1/echo?types.value=1e400", None, {}, 400, "INVALID_FIELD_VALUE", "query parameter 'types.value' is '1e400', it should be JSON for a google.protobuf.Value"),
    ("GET", "/v1/echo?types." + "nested." * 40 + "int32Value=1", None, {}, 400, "UNKNOWN_QUERY_PARAMETER", "unknown query parameter 'types." + "nested." * 10 + "nest...': the name is longer than 32 fields"),
    ("POST", LIST, b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", JSON, 400, "BODY_TOO_DEEP", "the body is nested deeper than 64 levels"),
    ("POST", LIST, b"[" * 100000, JSON, 400, "BODY_TOO_DEEP", "the body is nested deeper than 64 levels"),
    ("POST", LIST, {"titel": "Emma"}, {}, 400, "UNKNOWN_FIELD", f"unknown field 'titel' in 'book' ({BOOK_TYPE})"),
    ("POST", LIST, {"author": {"age": 3}}, {}, 400, "UNKNOWN_FIELD", "unknown field 'age' in 'book.author' (grpc_transcoding.testing.v1.Author)"),
    ("POST", BOOK + ":move", {"where": 1}, {}, 400, "UNKNOWN_FIELD", "unknown field 'where' in grpc_transcoding.testing.v1.MoveBookRequest"),
    ("POST", BOOK + ":move", [1], {}, 400, "INVALID_FIELD_VALUE", "the body should be a JSON object (grpc_transcoding.testing.v1.MoveBookRequest)"),
    ("POST", LIST, {"author": {"year": "old"}}, {}, 400, "INVALID_FIELD_VALUE", "book.author.year should be a 32-bit integer"),
    ("POST", LIST, {"title": 3}, {}, 400, "INVALID_FIELD_VALUE", "book.title should be a string"),
    ("POST", LIST, {"tags": ["a", 3]}, {}, 400, "INVALID_FIELD_VALUE", "book.tags[1] should be a string"),
    ("POST", LIST, {"tags": "a"}, {}, 400, "INVALID_FIELD_VALUE", "book.tags should be a JSON array"),
    ("POST", LIST, {"titles": {"de": 1}}, {}, 400, "INVALID_FIELD_VALUE", "book.titles should be a map with keys and values of the declared types"),
    ("POST", LIST, {"printTime": "noon"}, {}, 400, "INVALID_FIELD_VALUE", "book.printTime should be the JSON form of google.protobuf.Timestamp"),
    ("POST", LIST, {"binding": "GLUE"}, {}, 400, "INVALID_FIELD_VALUE", "book.binding should be a value of grpc_transcoding.testing.v1.Binding or its number"),
    ("POST", LIST, {"extra": {"@type": "type.googleapis.com/who.Knows"}}, {}, 400, "INVALID_FIELD_VALUE", "book.extra should be an object with '@type' naming a type that is known here"),
    ("POST", LIST, b'"x"', JSON, 400, "INVALID_FIELD_VALUE", f"book should be a JSON object ({BOOK_TYPE})"),
    ("POST", LIST, b'{"title": "\\ud800"}', JSON, 400, "INVALID_JSON", "the body is not JSON: it holds half of a surrogate pair"),
    ("POST", LIST, b'{"\\uDc00": 1}', JSON, 400, "INVALID_JSON", "the body is not JSON: it holds half of a surrogate pair"),
    ("POST", BOOK + ":move", {"name": "shelves/9/books/9"}, {}, 400, "PATH_FIELD_CONFLICT", "the body disagrees with the path, which binds 'name'; leave it out or repeat the value"),
    ("PATCH", BOOK, {"name": "shelves/9/books/9"}, {}, 400, "PATH_FIELD_CONFLICT", "the body disagrees with the path, which binds 'book.name'; leave it out or repeat the value"),
    ("DELETE", BOOK, {"name": "shelves/9/books/9"}, {}, 400, "UNEXPECTED_BODY", "this method takes no body: send none, or {}"),
    ("DELETE", BOOK, {"force": True}, {}, 400, "UNEXPECTED_BODY", "this method takes no body: send none, or {}"),
    ("DELETE", BOOK, [], {}, 400, "UNEXPECTED_BODY", "this method takes no body: send none, or {}"),
    ("DELETE", BOOK, b"x=1", {"content-type": "application/x-www-form-urlencoded"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body is 'application/x-www-form-urlencoded', it should be application/json"),
    ("POST", LIST, b"{}", {"content-type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body is 'text/plain', it should be application/json"),
    ("POST", LIST, b"{}", {"content-type": "application/json; charset=latin-1"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body's charset is 'latin-1', it should be utf-8"),
    ("POST", LIST, b"{}", {**JSON, "content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body is encoded as 'gzip', it should not be encoded"),
    ("PUT", BOOK + "/cover", b"x", {"content-type": "image/png", "content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body is encoded as 'gzip', it should not be encoded"),
    ("POST", BOOK + ":upload", b"x", {"content-type": "image/png", "content-encoding": "br"}, 415, "UNSUPPORTED_MEDIA_TYPE", "the body is encoded as 'br', it should not be encoded"),
    # Path and query of a streamed request.
    ("POST", "/v1/discussions?text=a", [{"text": "b"}], {}, 400, "UNEXPECTED_QUERY_PARAMETER", "query parameter 'text' is not taken: all that the path leaves is in the body of this method"),
    ("POST", "/v1/discussions?text=a", None, {}, 400, "UNEXPECTED_QUERY_PARAMETER", "query parameter 'text' is not taken: all that the path leaves is in the body of this method"),
    ("POST", BOOK + ":upload?colour=red", None, {}, 400, "UNKNOWN_QUERY_PARAMETER", "unknown query parameter 'colour': grpc_transcoding.testing.v1.UploadBookRequest has no field 'colour'"),
    # System parameters and headers.
    ("GET", BOOK + "?alt=xml", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'xml', it should be json, json;enum-encoding=int, proto, sse or media"),
    ("GET", BOOK + "?$alt=json&alt=json", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "the system parameter 'alt' is given more than once"),
    ("GET", BOOK + "?alt=sse", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'sse', which is for methods that stream their replies"),
    ("GET", BOOK + "?alt=media", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'media', which is for methods that reply with bytes of a media type"),
    ("GET", BOOK + "?prettyPrint=1", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'prettyPrint' is '1', it should be true or false"),
    ("GET", BOOK + "?fields=name,colour", None, {}, 400, "INVALID_FIELD_MASK", f"the mask 'name,colour' is not understood at column 6: {BOOK_TYPE} has no field 'colour'"),
    ("GET", BOOK + "?fields=author(", None, {}, 400, "INVALID_FIELD_MASK", "the mask 'author(' is not understood at column 8: expected a field name"),
    ("GET", BOOK + "?fields=name.x", None, {}, 400, "INVALID_FIELD_MASK", f"the mask 'name.x' is not understood at column 5: {BOOK_TYPE}.name is no message: nothing can follow it"),
    ("GET", BOOK + "?fields=tags(a)", None, {}, 400, "INVALID_FIELD_MASK", f"the mask 'tags(a)' is not understood at column 5: {BOOK_TYPE}.tags is no message: nothing can follow it"),
    ("GET", BOOK + "?alt=proto&fields=name", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'proto', which shows the whole reply: a mask of fields is for JSON"),
    ("GET", BOOK + "?alt=proto", None, {"X-Goog-FieldMask": "name"}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'proto', which shows the whole reply: a mask of fields is for JSON"),
    ("GET", BOOK + ":read?alt=proto", None, {}, 400, "INVALID_SYSTEM_PARAMETER", "'alt' is 'proto', which is for methods with one reply"),
    ("GET", BOOK + "?fields=name)", None, {}, 400, "INVALID_FIELD_MASK", "the mask 'name)' is not understood at column 5: expected ',' or the end"),
    ("GET", BOOK + "?key=k", None, {}, 400, "CREDENTIAL_IN_QUERY", "'key' is not taken from the query, where logs keep it: send 'x-goog-api-key'"),
    ("GET", BOOK + "?quotaUser=k", None, {}, 400, "CREDENTIAL_IN_QUERY", "'quotaUser' is not taken from the query, where logs keep it: send 'x-goog-quota-user'"),
    ("GET", BOOK + "?access_token=k", None, {}, 400, "CREDENTIAL_IN_QUERY", "'access_token' is not taken from the query, where logs keep it: send 'authorization'"),
    ("GET", BOOK, None, {"Grpc-Timeout": "soon"}, 400, "INVALID_TIMEOUT", "the header Grpc-Timeout is 'soon', it should be up to 8 digits and a unit of H, M, S, m, u or n, such as 500m"),
    ("GET", BOOK, None, {"X-Server-Timeout": "-1"}, 400, "INVALID_TIMEOUT", "the header X-Server-Timeout is '-1', it should be seconds, such as 2.5"),
    ("GET", BOOK, None, {"X-Key-Bin": "!"}, 400, "INVALID_METADATA", "the header 'x-key-bin' should be base64: its name ends with '-bin'"),
    ("GET", BOOK, None, {"X-HTTP-Method-Override": "PATCH"}, 400, "INVALID_METHOD_OVERRIDE", "X-HTTP-Method-Override is taken with POST only, not with GET"),
    ("POST", BOOK, None, {"X-HTTP-Method-Override": "a b"}, 400, "INVALID_METHOD_OVERRIDE", "X-HTTP-Method-Override is 'A B', it should be an HTTP method"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "reason", "message"),
    INVALID,
    ids=[f"{case[0]} {str(case[1])[:40]} {case[5]} {n}" for n, case in enumerate(INVALID)],
)
async def test_a_request_that_cannot_succeed_is_refused_with_its_reason(
    app, servicer, method, target, body, headers, status, reason, message
):
    answer = await call(app, method, target, body, headers)
    assert answer.error == (status, "INVALID_ARGUMENT", message)
    assert answer.status == status
    assert answer.reason == reason
    assert answer.json["error"]["details"][0]["domain"] == "library.example.com"
    assert servicer.requests == []


async def test_a_path_that_nothing_is_bound_to_is_404(app):
    answer = await call(app, "GET", "/v2/nowhere")
    assert answer.error == (404, "NOT_FOUND", "no method is bound to the path /v2/nowhere")
    assert answer.reason == "PATH_NOT_BOUND"


async def test_a_path_that_does_not_answer_a_method_is_405_with_allow(app):
    answer = await call(app, "PUT", BOOK)
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert answer.error == (
        405,
        "UNIMPLEMENTED",
        f"the path {BOOK} does not answer PUT, but DELETE, GET, HEAD, OPTIONS, PATCH",
    )
    assert answer.reason == "METHOD_NOT_ALLOWED"


async def test_a_verb_that_is_bound_for_another_method_is_405(app):
    assert (await call(app, "GET", BOOK + ":move")).headers["allow"] == "OPTIONS, POST"


CODES = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400, "ABORTED": 409, "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503, "DATA_LOSS": 500,
}  # fmt: skip


@pytest.mark.parametrize(("name", "http_status"), CODES.items())
async def test_each_code_has_its_http_status(app, name, http_status):
    answer = await call(app, "GET", f"/v1/shelves/1/books/aborts-{name.lower().replace('_', '-')}")
    assert answer.status == http_status
    assert answer.json == {
        "error": {"code": http_status, "message": f"it is {name}", "status": name}
    }


def test_every_code_is_in_the_table():
    assert {code.name for code in grpc.StatusCode} == {"OK", *CODES}


async def test_unauthenticated_comes_with_a_challenge(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/aborts-unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_unavailable_comes_with_the_time_of_its_retry_info(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/retry")
    assert answer.headers["retry-after"] == "3"
    assert answer.json == {
        "error": {
            "code": 503,
            "message": "closed for lunch",
            "status": "UNAVAILABLE",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.RetryInfo",
                    "retryDelay": "2.000000001s",
                }
            ],
        }
    }


async def test_details_of_a_servicers_status_are_unpacked(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/detailed")
    assert answer.json["error"] == {
        "code": 400,
        "message": "lent out",
        "status": "FAILED_PRECONDITION",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "LENT",
                "domain": "library",
                "metadata": {"to": "a"},
            }
        ],
    }


@pytest.mark.logs_errors
async def test_an_exception_of_a_servicer_is_neutral_and_logged(app, caplog):
    answer = await call(app, "GET", "/v1/shelves/1/books/broken")
    assert answer.json == {
        "error": {
            "code": 500,
            "message": "Internal error.",
            "status": "INTERNAL",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "SERVICER_FAILED",
                    "domain": "library.example.com",
                }
            ],
        }
    }
    (record,) = caplog.records
    assert record.getMessage() == ("/grpc_transcoding.testing.v1.Library/GetBook raised ValueError")
    assert "swordfish" in str(record.exc_info[1])


@pytest.mark.logs_errors
async def test_a_servicers_own_not_implemented_error_is_an_exception_like_any_other(
    servicer, caplog
):
    async def get_book(request, context):
        # What is tested: not a gap, but a servicer that raises what generated code raises, too.
        raise NotImplementedError("swordfish")

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", BOOK)
    assert answer.error == (500, "INTERNAL", "Internal error.")
    assert answer.reason == "SERVICER_FAILED"
    assert [record.exc_info[0] for record in caplog.records] == [NotImplementedError]


@pytest.mark.logs_errors
async def test_a_reply_that_has_no_json_is_neutral_and_logged(app, servicer, caplog):
    servicer.reply = library_pb2.Book()
    servicer.reply.print_time.seconds = 10**15
    answer = await call(app, "GET", BOOK)
    assert answer.error == (500, "INTERNAL", "Internal error.")
    assert answer.reason == "TRANSCODER_FAILED"
    assert len(caplog.records) == 1


async def test_a_code_without_an_exception_discards_the_reply(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/coded")
    assert answer.error == (500, "DATA_LOSS", "the pages are gone")


async def test_a_servicer_that_cancels_itself_is_cancelled(app):
    answer = await call(app, "GET", "/v1/shelves/1/books/cancels-itself")
    assert answer.error == (499, "CANCELLED", "The call was cancelled.")
    assert answer.reason == "CALL_CANCELLED"


async def test_a_method_that_is_not_implemented_is_501(servicer):
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(library_pb2_grpc.LibraryServicer(), transcoder)
    answer = await call(transcoder, "GET", BOOK)
    assert answer.error == (501, "UNIMPLEMENTED", "Method not implemented!")


@pytest.mark.parametrize(
    ("limits", "method", "target", "body", "headers", "status", "reason", "message"),
    [
        (Limits(body_bytes=10), "POST", LIST, {"title": "long"}, {}, 413, "BODY_TOO_LARGE", "the body is longer than 10 bytes"),
        (Limits(json_depth=2), "POST", LIST, {"author": {"x": {}}}, {}, 400, "BODY_TOO_DEEP", "the body is nested deeper than 2 levels"),
        (Limits(path_bytes=10), "GET", BOOK, None, {}, 414, "PATH_TOO_LONG", "the path is longer than 10 bytes"),
        (Limits(query_bytes=10), "GET", LIST + "?pageToken=abc", None, {}, 414, "QUERY_TOO_LONG", "the query is longer than 10 bytes"),
        (Limits(query_parameters=1), "GET", LIST + "?a=1&b=2", None, {}, 400, "TOO_MANY_QUERY_PARAMETERS", "the query holds 2 parameters, at most 1 are taken"),
        (Limits(header_bytes=10), "GET", LIST, None, {"x-long": "abcdefg"}, 431, "HEADERS_TOO_LARGE", "the headers are longer than 10 bytes"),
    ],
)  # fmt: skip
async def test_each_limit_has_its_own_refusal(
    servicer, limits, method, target, body, headers, status, reason, message
):
    transcoder = Transcoder(limits=limits)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, method, target, body, headers)
    assert answer.error == (status, "INVALID_ARGUMENT", message)
    assert (answer.status, answer.reason) == (status, reason)


async def test_initial_metadata_of_a_call_that_fails_are_headers_too(servicer):
    async def get_book(request, context):
        await context.send_initial_metadata((("x-shelf", "7"), ("www-authenticate", "Basic")))
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?", (("x-why", "none"),))

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", BOOK)
    assert answer.headers == {
        "content-type": "application/json",
        "grpc-metadata-x-shelf": "7",
        "www-authenticate": "Basic",
        "grpc-trailer-x-why": "none",
        "content-length": answer.headers["content-length"],
    }
