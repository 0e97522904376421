"""Who may not call a method learns nothing of what is wrong with his request."""

import asyncio
import contextvars

import grpc
import grpc.aio
import pytest

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.library import LibraryServicer

UNAUTHENTICATED = grpc.StatusCode.UNAUTHENTICATED

FAULTS = {
    "no JSON": ("POST", "/v1/shelves/1/books/2:move", b"{", "INVALID_JSON"),
    "no field": ("POST", "/v1/shelves/1/books/2:move", {"colour": 1}, "UNKNOWN_FIELD"),
    "no parameter": ("GET", "/v1/shelves/1/books/2?colour=1", None, "UNKNOWN_QUERY_PARAMETER"),
    "no timeout": ("GET", "/v1/shelves/1/books/2", None, "INVALID_TIMEOUT"),
    "no base64": ("GET", "/v1/shelves/1/books/2", None, "INVALID_METADATA"),
    "too long": ("POST", "/v1/shelves/1/books/2:move", b" " * 5_000_000, "BODY_TOO_LARGE"),
    "streamed replies": (
        "GET",
        "/v1/shelves/1/books/2:read?colour=1",
        None,
        "UNKNOWN_QUERY_PARAMETER",
    ),
    "streamed requests": ("POST", "/v1/shelves/1/books:import?colour=1", b"", ...),
}


HEADERS = {
    "no timeout": {"grpc-timeout": "soon"},
    "no base64": {"x-key-bin": "!"},
}


class Gate:
    """Lets nobody in without the password, and notes how the calls of the others end."""

    def __init__(self) -> None:
        self.codes = []

    def is_open(self, metadata) -> bool:
        return ("x-password", "swordfish") in [tuple(entry) for entry in metadata]


def make(handler, behaviour):
    kinds = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    return kinds[handler.request_streaming, handler.response_streaming](
        behaviour, handler.request_deserializer, handler.response_serializer
    )


class AskedAtEachCall(Gate, grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        return self.around(handler, self.is_open(details.invocation_metadata))

    def around(self, handler, is_open=None):
        async def admitted(context):
            if not (self.is_open(context.invocation_metadata()) if is_open is None else is_open):
                await context.abort(UNAUTHENTICATED, "Who are you?")

        if handler.response_streaming:

            async def behaviour(request, context):
                await admitted(context)
                try:
                    async for reply in handler.unary_stream(request, context):
                        yield reply
                finally:
                    self.codes.append(context.code())

        else:

            async def behaviour(request, context):
                await admitted(context)
                try:
                    inner = handler.stream_unary or handler.unary_unary
                    return await inner(request, context)
                finally:
                    self.codes.append(context.code())

        return make(handler, behaviour)


class AskedOnce(AskedAtEachCall):
    def intercept_handler(self, method, handler):
        return self.around(handler)

    async def intercept_service(self, continuation, details):
        raise AssertionError("it need not be asked")


class Sync(Gate, grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        handler = continuation(details)

        def inner(request, context):
            if not self.is_open(details.invocation_metadata):
                context.abort(UNAUTHENTICATED, "Who are you?")
            try:
                return (handler.stream_unary or handler.unary_unary)(request, context)
            finally:
                self.codes.append(context.code())

        def stream(request, context):
            if not self.is_open(details.invocation_metadata):
                context.abort(UNAUTHENTICATED, "Who are you?")
            try:
                yield from handler.unary_stream(request, context)
            finally:
                self.codes.append(context.code())

        return make(handler, stream if handler.response_streaming else inner)


class Unreachable:
    """A servicer of either colour that must not be asked."""

    requests = ()

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def method(request, context):
            raise AssertionError("the servicer was asked")

        method.__module__ = "a_pb2_grpc"  # which makes it of no colour
        return method


@pytest.mark.parametrize("kind", [AskedAtEachCall, AskedOnce, Sync])
@pytest.mark.parametrize("fault", FAULTS)
async def test_interceptors_come_before_the_faults_of_a_request(kind, fault):
    method, target, body, reason = FAULTS[fault]
    gate = kind()
    app = Transcoder(interceptors=[gate])
    library_pb2_grpc.add_LibraryServicer_to_server(Unreachable(), app)
    headers = HEADERS.get(fault, {})

    answer = await call(app, method, target, body, headers)
    assert answer.error == (401, "UNAUTHENTICATED", "Who are you?")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert gate.codes == []

    answer = await call(app, method, target, body, {**headers, "x-password": "swordfish"})
    assert answer.status in (400, 413)
    assert answer.reason == (answer.reason if reason is ... else reason)
    assert gate.codes == [grpc.StatusCode.INVALID_ARGUMENT]


async def test_a_credential_in_the_query_is_told_first():
    app = Transcoder(interceptors=[AskedOnce()])
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), app)
    answer = await call(app, "GET", "/v1/shelves/1/books/2?access_token=swordfish")
    assert (answer.status, answer.reason) == (400, "CREDENTIAL_IN_QUERY")


async def test_what_is_asked_once_stands_where_it_was_put():
    seen = []

    class Noting(AskedOnce):
        def __init__(self, name, handlers):
            super().__init__()
            self.name, self.handlers = name, handlers

        def around(self, handler, is_open=None):
            async def behaviour(request, context):
                seen.append(self.name)
                return await handler.unary_unary(request, context)

            return make(handler, behaviour)

        def intercept_handler(self, method, handler):
            return self.around(handler) if self.handlers else None

        async def intercept_service(self, continuation, details):
            assert self.name != "inner"
            return self.around(await continuation(details))

    # The one in the middle has to be asked at each call, and so has to be the one before it.
    chain = [Noting("outer", handlers=True), Noting("middle", handlers=False)]
    app = Transcoder(interceptors=[*chain, Noting("inner", handlers=True)])
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), app)
    for _ in range(3):
        assert (await call(app, "GET", "/v1/shelves/1/books/2")).status == 200
    assert seen == ["outer", "middle", "inner"] * 3


class AsyncKeeping(grpc.aio.ServerInterceptor):
    """Keeps what it makes of a method's handler, as it may on a server."""

    def __init__(self):
        self.kept = {}

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)

        async def behaviour(request, context):
            return await handler.unary_unary(request, context)

        return self.kept.setdefault(details.method, make(handler, behaviour))


class SyncKeeping(grpc.ServerInterceptor):
    """Does so for sync methods."""

    def __init__(self):
        self.kept = {}

    def intercept_service(self, continuation, details):
        handler = continuation(details)

        def behaviour(request, context):
            return handler.unary_unary(request, context)

        return self.kept.setdefault(details.method, make(handler, behaviour))


class Keeper(library_pb2_grpc.LibraryServicer):
    def __init__(self):
        self.moved = []

    def move(self, request):
        self.moved.append(request.name)
        return library_pb2.Book(name=request.name)


class AsyncKeeper(Keeper):
    async def MoveBook(self, request, context):
        return self.move(request)


class SyncKeeper(Keeper):
    def MoveBook(self, request, context):
        return self.move(request)


@pytest.mark.parametrize(
    ("interceptor", "servicer"), [(AsyncKeeping, AsyncKeeper), (SyncKeeping, SyncKeeper)]
)
@pytest.mark.parametrize("bodies", [[{}, b"{"], [b"{", {}]])
async def test_an_interceptor_may_keep_what_it_made_of_a_handler(interceptor, servicer, bodies):
    library = servicer()
    app = Transcoder(interceptors=[interceptor()])
    library_pb2_grpc.add_LibraryServicer_to_server(library, app)
    answers = [await call(app, "POST", "/v1/shelves/1/books/2:move", body) for body in bodies]
    assert sorted(answer.status for answer in answers) == [200, 400]
    assert library.moved == ["shelves/1/books/2"]


async def test_a_call_in_the_context_of_a_refused_one_is_made():
    contexts = []

    class Noting(AskedOnce):
        def is_open(self, metadata):
            contexts.append(contextvars.copy_context())
            return True

    library = AsyncKeeper()
    app = Transcoder(interceptors=[Noting()])
    library_pb2_grpc.add_LibraryServicer_to_server(library, app)
    path = "/v1/shelves/1/books/2:move"
    assert (await call(app, "POST", path, b"{")).status == 400
    # As plain asyncio begins what is read after a request has let a connection read on.
    making = asyncio.create_task(call(app, "POST", path, {}), context=contexts[0])
    assert (await making).status == 200
