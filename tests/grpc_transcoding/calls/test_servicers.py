"""What a servicer may be: handlers of any make, other serializers, other pools."""

import grpc
import pytest
from google.api import service_pb2
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call

LIBRARY = "grpc_transcoding.testing.v1.Library"
BOOK = "/v1/shelves/1/books/2"


class Wrapped:
    """A message as proto-plus has it: a Python object around a protobuf one."""

    def __init__(self, message) -> None:
        self.message = message

    @classmethod
    def deserialize(cls, raw):
        return cls(library_pb2.GetBookRequest.FromString(raw))

    @staticmethod
    def serialize(wrapped):
        return wrapped.message.SerializeToString()


async def wrapped(request, context):
    return Wrapped(library_pb2.Book(name=request.message.name))


async def raw(request, context):
    name = library_pb2.GetBookRequest.FromString(request).name
    return library_pb2.Book(name=name).SerializeToString()


async def tolerant(request, context):
    return library_pb2.Book(name=request.name).SerializeToString()


def bytes_or_message(reply):
    return reply if isinstance(reply, bytes) else reply.SerializeToString()


HANDLERS = {
    "proto-plus": (wrapped, Wrapped.deserialize, Wrapped.serialize),
    "plain bytes": (raw, None, None),
    "a tolerant serializer": (tolerant, library_pb2.GetBookRequest.FromString, bytes_or_message),
}


def handler_of(name):
    behaviour, deserializer, serializer = HANDLERS[name]
    return grpc.unary_unary_rpc_method_handler(behaviour, deserializer, serializer)


@pytest.mark.parametrize("name", HANDLERS)
async def test_a_handler_gets_and_gives_what_its_serializers_say(name):
    transcoder = Transcoder()
    handlers = {"GetBook": handler_of(name)}
    generic = grpc.method_handlers_generic_handler(LIBRARY, handlers)
    transcoder.add_generic_rpc_handlers((generic,))
    assert (await call(transcoder, "GET", BOOK)).json == {"name": "shelves/1/books/2"}
    # What the service declares and nobody handles is bound, as a server would answer it.
    answer = await call(transcoder, "DELETE", BOOK)
    assert answer.error == (501, "UNIMPLEMENTED", "Method not found!")
    assert answer.reason == "METHOD_NOT_IMPLEMENTED"


@pytest.mark.logs_errors
@pytest.mark.parametrize("reply", [None, "text", library_pb2.Author(year=1)])
async def test_a_reply_of_another_type_is_an_internal_error(app, servicer, reply):
    async def get_book(request, context):
        return reply

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    assert (await call(transcoder, "GET", BOOK)).error == (500, "INTERNAL", "Internal error.")


async def test_a_generic_handler_that_does_not_say_what_it_serves_is_asked():
    class Anything(grpc.GenericRpcHandler):
        def service(self, details):
            if details.method == f"/{LIBRARY}/GetBook":
                return handler_of("a tolerant serializer")
            return None

    transcoder = Transcoder(service_configs=[service_pb2.Service(apis=[{"name": LIBRARY}])])
    transcoder.add_generic_rpc_handlers((Anything(),))
    assert (await call(transcoder, "GET", BOOK)).status == 200
    assert {row.selector for row in transcoder.routes.rows} == {f"{LIBRARY}.GetBook"}


async def test_details_of_an_unknown_type_are_shown_as_base64(app, servicer):
    detail = any_pb2.Any(type_url="type.googleapis.com/who.Knows", value=b"\x08\x01")
    status = status_pb2.Status(code=code_pb2.ABORTED, message="no", details=[detail])

    async def get_book(request, context):
        await context.abort_with_status(rpc_status.to_status(status))

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", BOOK)
    assert answer.json["error"]["details"] == [
        {"@type": "type.googleapis.com/who.Knows", "value": "CAE="}
    ]


async def test_details_of_another_code_are_not_shown(servicer):
    status = status_pb2.Status(code=code_pb2.ABORTED, message="no")

    async def get_book(request, context):
        trailers = (
            ("grpc-status-details-bin", status.SerializeToString()),
            ("grpc-status-details-bin", b"\xff"),
        )
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone", trailers)

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", BOOK)
    assert answer.json == {"error": {"code": 404, "message": "gone", "status": "NOT_FOUND"}}


async def test_a_numeric_code_is_the_code_it_stands_for(servicer):
    async def get_book(request, context):
        context.set_code(9)
        return library_pb2.Book()

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    assert (await call(transcoder, "GET", BOOK)).error[1] == "FAILED_PRECONDITION"


@pytest.mark.logs_errors
async def test_a_callback_that_raises_is_logged_and_hides_nothing(servicer, caplog):
    async def get_book(request, context):
        context.add_done_callback(lambda _: 1 / 0)
        return library_pb2.Book(title="E")

    servicer.GetBook = get_book
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    assert (await call(transcoder, "GET", BOOK)).json == {"title": "E"}
    assert len(caplog.records) == 1
