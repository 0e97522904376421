"""The same servicers and interceptors on a real server and in process: the same outcome."""

import inspect
from concurrent.futures import ThreadPoolExecutor

import grpc
import grpc.aio
import pytest

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call

NOT_FOUND, DATA_LOSS = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.DATA_LOSS
TRAILERS = (("x-trailer", "1"), ("x-raw-bin", b"\x00\x01"))


class Status(grpc.Status):
    code, details, trailing_metadata = NOT_FOUND, "by status", (("x-from", "status"),)


# What a servicer may do to its context. Each is written once, awaiting what may be awaited.
async def replies(context):
    return "Emma"


async def aborts(context):
    await context.abort(NOT_FOUND, "no such book")


async def aborts_without_details(context):
    await context.abort(NOT_FOUND)


async def aborts_after_details(context):
    context.set_details("said before")
    await context.abort(NOT_FOUND)


async def aborts_with_trailers(context):
    await context.abort(NOT_FOUND, "gone", TRAILERS)


async def aborts_after_trailers(context):
    context.set_trailing_metadata(TRAILERS)
    await context.abort(NOT_FOUND, "gone")


async def swallows_its_abort(context):
    try:
        await context.abort(NOT_FOUND, "gone")
    except Exception:
        return "Emma"


async def aborts_with_status(context):
    await context.abort_with_status(Status())


async def sets_trailers(context):
    context.set_trailing_metadata(TRAILERS)
    return "Emma"


async def sets_a_code(context):
    context.set_code(DATA_LOSS)
    return "Emma"


async def sets_code_and_details(context):
    context.set_code(DATA_LOSS)
    context.set_details("torn")
    return "Emma"


async def sets_details_only(context):
    context.set_details("torn")
    return "Emma"


async def is_not_implemented(context):
    context.set_code(grpc.StatusCode.UNIMPLEMENTED)
    context.set_details("later")
    return "Emma"


async def looks_at_its_context(context):
    metadata = dict(context.invocation_metadata())
    peer = context.peer().partition(":")[0]
    return f"{metadata['x-asked']} {metadata['x-raw-bin']!r} {peer} {context.code()}"


BEHAVIOURS = [
    replies,
    aborts,
    aborts_without_details,
    aborts_after_details,
    aborts_with_trailers,
    aborts_after_trailers,
    swallows_its_abort,
    aborts_with_status,
    sets_trailers,
    sets_a_code,
    sets_code_and_details,
    sets_details_only,
    is_not_implemented,
    looks_at_its_context,
]


class Servicer(library_pb2_grpc.LibraryServicer):
    def __init__(self, behaviour) -> None:
        self.behaviour = behaviour

    async def GetBook(self, request, context):
        return library_pb2.Book(name=request.name, title=await self.behaviour(context))

    async def DeleteBook(self, request, context):
        return library_pb2.Book(title="another method")


class Interceptor(grpc.aio.ServerInterceptor):
    """Passes on; the subclasses say what they do around the handler."""

    async def intercept_service(self, continuation, details):
        handler = await continuation(details)
        if handler is None:
            return None

        async def around(request, context):
            return await self.around(handler.unary_unary, request, context)

        return grpc.unary_unary_rpc_method_handler(
            around, handler.request_deserializer, handler.response_serializer
        )

    async def around(self, inner, request, context):
        return await inner(request, context)


class Prefixes(Interceptor):
    def __init__(self, word: str) -> None:
        self.word = word

    async def around(self, inner, request, context):
        request.name = f"{request.name} {self.word}"
        reply = await inner(request, context)
        return library_pb2.Book(name=reply.name, title=f"{self.word} {reply.title}")


class Aborts(Interceptor):
    async def around(self, inner, request, context):
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you", (("x-why", "policy"),))


class AbortsAfterwards(Interceptor):
    async def around(self, inner, request, context):
        await inner(request, context)
        await context.abort(grpc.StatusCode.ABORTED, "too late")


class SetsTrailers(Interceptor):
    async def around(self, inner, request, context):
        context.set_trailing_metadata((("x-by", "interceptor"),))
        return await inner(request, context)


class FindsNothing(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, details):
        return None


class Knows(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, details):
        asked = [value for key, value in details.invocation_metadata if key == "x-asked"]
        if asked != ["yes"] or not details.method.endswith("/GetBook"):
            return None
        return await continuation(details)


CHAINS = {
    "none": [],
    "passes": [Interceptor()],
    "in order": [Prefixes("outer"), Prefixes("inner")],
    "aborts": [Prefixes("outer"), Aborts(), Prefixes("inner")],
    "aborts afterwards": [AbortsAfterwards()],
    "sets trailers": [SetsTrailers(), Prefixes("inner")],
    "finds nothing": [FindsNothing()],
    "knows the call": [Knows()],
}


def comparable(trailers) -> dict:
    return {k: v for k, v in trailers or () if k.startswith("x-")}


async def over_grpc(servicer, interceptors):
    server = grpc.aio.server(interceptors=interceptors)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        return await ask(port)
    finally:
        await server.stop(None)


async def ask(port):
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = library_pb2_grpc.LibraryStub(channel)
        rpc = stub.GetBook(
            library_pb2.GetBookRequest(name="shelves/1/books/2"),
            metadata=(("x-asked", "yes"), ("x-raw-bin", b"\x07")),
        )
        try:
            reply = await rpc
            outcome = (reply.name, reply.title)
        except grpc.aio.AioRpcError as error:
            outcome = (error.code().name, error.details())
        return outcome, comparable(await rpc.trailing_metadata())


async def over_http(servicer, interceptors):
    transcoder = Transcoder(interceptors=interceptors)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(
        transcoder,
        "GET",
        "/v1/shelves/1/books/2",
        headers={"X-Asked": "yes", "X-Raw-Bin": "Bw"},
    )
    trailers = {}
    for key, value in answer.headers.items():
        if key.startswith("grpc-trailer-"):
            import base64

            raw = key.endswith("-bin")
            name = key.removeprefix("grpc-trailer-")
            trailers[name] = base64.b64decode(value + "=" * (-len(value) % 4)) if raw else value
    if answer.status == 200:
        return (answer.json.get("name", ""), answer.json.get("title", "")), trailers
    _, status, message = answer.error
    return (status, message), trailers


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.__name__)
async def test_async_chains_end_as_on_a_real_server(chain, behaviour):
    expected = await over_grpc(Servicer(behaviour), CHAINS[chain])
    assert await over_http(Servicer(behaviour), CHAINS[chain]) == expected


# The same, sync: the behaviours are the same coroutines, run to their end without a loop.
class SyncServicer(library_pb2_grpc.LibraryServicer):
    def __init__(self, behaviour) -> None:
        self.behaviour = behaviour

    def GetBook(self, request, context):
        title = finished(self.behaviour(Awaitable(context)))
        return library_pb2.Book(name=request.name, title=title)


class Awaitable:
    """A sync context whose methods may be awaited: they have been called by then."""

    def __init__(self, context) -> None:
        self._context = context

    def __getattr__(self, name):
        return getattr(self._context, name)

    async def abort(self, code, details="", trailers=None):
        if trailers is not None:
            self._context.set_trailing_metadata(trailers)
        self._context.abort(code, details)

    async def abort_with_status(self, status):
        self._context.abort_with_status(status)


def finished(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits for something")


class SyncInterceptor(grpc.ServerInterceptor):
    def __init__(self, twin) -> None:
        self.twin = twin

    def intercept_service(self, continuation, details):
        handler = continuation(details)
        if handler is None:
            return None

        def around(request, context):
            async def inner(request, context):
                return handler.unary_unary(request, context._context)

            return finished(self.twin.around(inner, request, Awaitable(context)))

        return grpc.unary_unary_rpc_method_handler(
            around, handler.request_deserializer, handler.response_serializer
        )


async def over_sync_grpc(servicer, interceptors):
    server = grpc.server(ThreadPoolExecutor(2), interceptors=interceptors)
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        return await ask(port)
    finally:
        server.stop(None).wait()


SYNC_CHAINS = ["none", "passes", "in order", "aborts", "aborts afterwards", "sets trailers"]


@pytest.mark.parametrize("chain", SYNC_CHAINS)
@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda b: b.__name__)
async def test_sync_chains_end_as_on_a_real_server(chain, behaviour):
    interceptors = [SyncInterceptor(twin) for twin in CHAINS[chain]]
    expected = await over_sync_grpc(SyncServicer(behaviour), interceptors)
    assert await over_http(SyncServicer(behaviour), interceptors) == expected


@pytest.mark.parametrize(
    ("servicer", "interceptors", "message"),
    [
        (Servicer, [Interceptor(), SyncInterceptor(Interceptor())], "the interceptors are of two colours: they should all be grpc.aio.ServerInterceptor, or all grpc.ServerInterceptor"),
        (Servicer, ["no interceptor"], "str is no interceptor: it should be a grpc.aio.ServerInterceptor, or a grpc.ServerInterceptor for sync servicers"),
        (Servicer, [SyncInterceptor(Interceptor())], "the servicer of grpc_transcoding.testing.v1.Library is async, but the interceptors are sync: give both the same colour"),
        (SyncServicer, [Interceptor()], "the servicer of grpc_transcoding.testing.v1.Library is sync, but the interceptors are async: give both the same colour"),
    ],
)  # fmt: skip
def test_mixing_colours_is_a_type_error(servicer, interceptors, message):
    with pytest.raises(TypeError) as raised:
        transcoder = Transcoder(interceptors=interceptors)
        library_pb2_grpc.add_LibraryServicer_to_server(servicer(replies), transcoder)
        transcoder.build()
    assert str(raised.value) == message


async def test_an_interceptor_that_raises_is_an_internal_error_and_logged(caplog, request):
    request.node.add_marker("logs_errors")

    class Raises(grpc.aio.ServerInterceptor):
        async def intercept_service(self, continuation, details):
            raise ValueError("swordfish")

    outcome, _ = await over_http(Servicer(replies), [Raises()])
    # A real server says UNKNOWN and shows the exception (TRANSCODING, Reply 4).
    assert outcome == ("INTERNAL", "Internal error.")
    assert len(caplog.records) == 1


# Streams: what reaches the client before the end, and how it ends.
async def streams(context):
    yield "a"
    yield "b"


async def streams_nothing(context):
    return
    yield


async def streams_and_aborts(context):
    yield "a"
    await context.abort(NOT_FOUND, "gone")


async def streams_on_after_a_swallowed_abort(context):
    yield "a"
    try:
        await context.abort(NOT_FOUND, "gone")
    except grpc.aio.AbortError:
        yield "b"


async def streams_and_sets_a_code(context):
    yield "a"
    context.set_code(DATA_LOSS)
    context.set_details("torn")


async def aborts_before_it_streams(context):
    await context.abort(NOT_FOUND, "gone")
    yield "a"


async def writes(context):
    await context.write(library_pb2.ReadBookResponse(text="a"))
    await context.write(library_pb2.ReadBookResponse(text="b"))


async def writes_and_aborts(context):
    await context.write(library_pb2.ReadBookResponse(text="a"))
    await context.abort(NOT_FOUND, "gone")


async def writes_after_its_end(context):
    try:
        await context.abort(NOT_FOUND, "gone")
    except grpc.aio.AbortError:
        await context.write(library_pb2.ReadBookResponse(text="a"))


STREAMS = [
    streams,
    streams_nothing,
    streams_and_aborts,
    streams_on_after_a_swallowed_abort,
    streams_and_sets_a_code,
    aborts_before_it_streams,
    writes,
    writes_and_aborts,
    writes_after_its_end,
]


def streaming(behaviour):
    class Streaming(library_pb2_grpc.LibraryServicer):
        if inspect.isasyncgenfunction(behaviour):

            async def ReadBook(self, request, context):
                async for text in behaviour(context):
                    yield library_pb2.ReadBookResponse(text=text)

        else:

            async def ReadBook(self, request, context):
                await behaviour(context)

    return Streaming()


async def stream_over_grpc(servicer):
    server = grpc.aio.server()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    texts, end = [], None
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = library_pb2_grpc.LibraryStub(channel)
        try:
            async for reply in stub.ReadBook(library_pb2.ReadBookRequest(name="a")):
                texts.append(reply.text)  # noqa: PERF401 - those before an error count
        except grpc.aio.AioRpcError as error:
            end = (error.code().name, error.details())
    await server.stop(None)
    return texts, end


async def stream_over_http(servicer):
    transcoder = Transcoder()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    answer = await call(transcoder, "GET", "/v1/shelves/1/books/2:read")
    replies = answer.json if answer.status == 200 else [answer.json]
    texts = [reply["text"] for reply in replies if "text" in reply]
    errors = [reply["error"] for reply in replies if "error" in reply]
    return texts, (errors[0]["status"], errors[0]["message"]) if errors else None


@pytest.mark.parametrize("behaviour", STREAMS, ids=lambda b: b.__name__)
async def test_streams_end_as_on_a_real_server(behaviour):
    expected = await stream_over_grpc(streaming(behaviour))
    assert await stream_over_http(streaming(behaviour)) == expected
