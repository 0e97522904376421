"""Under other people's frameworks and servers: mounts, HTTP/2, OpenTelemetry."""

import asyncio

import grpc.aio
import hypercorn.asyncio
import hypercorn.config
import pytest
from fastapi import FastAPI
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.asgi_client import Conversation, call, scope_of
from tests.grpc_transcoding.library import LibraryServicer
from tests.ports import free_ports


class Timed(BaseHTTPMiddleware):
    """A middleware that runs what is inside in a task of its own."""

    async def dispatch(self, request, call_next):
        answer = await call_next(request)
        answer.headers["x-timed"] = "yes"
        return answer


def fastapi_mount(app):
    inner, outer = FastAPI(), FastAPI()
    inner.mount("/in ner", app)
    outer.mount("/api", inner)
    return outer


MOUNTS = {
    "starlette": ("/api", lambda app: Starlette(routes=[Mount("/api", app)])),
    "nested": ("/a/b", lambda app: Starlette(routes=[Mount("/a", routes=[Mount("/b", app)])])),
    "fastapi": ("/api/in%20ner", fastapi_mount),
    "middleware": (
        "/api",
        lambda app: Starlette(routes=[Mount("/api", app)], middleware=[Middleware(Timed)]),
    ),
}


@pytest.mark.parametrize("mount", MOUNTS)
async def test_ids_keep_their_encoded_slash_under_a_mount(app, mount):
    prefix, mounted = MOUNTS[mount]
    outer = mounted(app)
    target = prefix + "/v1/drafts/a%2Fb/c%20d?fields=name"
    from urllib.parse import unquote

    path = unquote(target.partition("?")[0])
    answer = await call(outer, "GET", target, path=path)
    assert answer.json == {"name": "drafts/a%2Fb/c d"}
    answer = await call(outer, "GET", prefix + "/v1/nowhere", path=unquote(prefix) + "/v1/nowhere")
    assert answer.error == (404, "NOT_FOUND", "no method is bound to the path /v1/nowhere")


async def test_a_disconnect_cancels_through_a_middleware(app, servicer):
    outer = MOUNTS["middleware"][1](app)
    talk = Conversation(outer, scope_of("GET", "/api/v1/shelves/1/books/wait"))
    await asyncio.wait_for(servicer.has_begun.wait(), 20)
    talk.disconnect()
    await asyncio.wait_for(servicer.was_cancelled.wait(), 20)
    with pytest.raises(RuntimeError, match="No response returned"):  # Starlette's, for any app
        await talk.end()


async def test_streams_pass_through_a_middleware(app):
    outer = MOUNTS["middleware"][1](app)
    answer = await call(outer, "GET", "/api/v1/shelves/1/books/2:read")
    assert len(answer.json) == 3
    assert answer.headers["x-timed"] == "yes"


async def test_http2_is_served_with_hypercorn(app, servicer):
    (port,) = free_ports()
    config = hypercorn.config.Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.accesslog = config.errorlog = None
    stop = asyncio.Event()
    server = asyncio.create_task(hypercorn.asyncio.serve(app, config, shutdown_trigger=stop.wait))
    reader, writer = await connected(port)
    connection = H2Connection(H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    body = b'{"title": "Emma"}'
    answers = {}
    # No Content-Length: over HTTP/2 nothing but the frames says that there is a body.
    for stream, method, path, data in (
        (1, "GET", "/v1/drafts/a%2Fb", b""),
        (3, "POST", "/v1/shelves/1/books", body),
        (5, "DELETE", "/v1/shelves/1/books/2", b""),
    ):
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "x")]
        connection.send_headers(stream, head, end_stream=not data)
        if data:
            connection.send_data(stream, data, end_stream=True)
    writer.write(connection.data_to_send())
    ended = 0
    while ended < 3:
        events = connection.receive_data(await asyncio.wait_for(reader.read(65536), 20))
        for event in events:
            if isinstance(event, ResponseReceived):
                answers[event.stream_id] = [dict(event.headers)[":status"], b""]
            elif isinstance(event, DataReceived):
                answers[event.stream_id][1] += event.data
            elif isinstance(event, StreamEnded):
                ended += 1
        writer.write(connection.data_to_send())
    writer.close()
    stop.set()
    await server
    assert answers == {
        1: ["200", b'{"name":"drafts/a%2Fb","title":"Emma"}'],
        3: ["200", b'{"title":"Emma"}'],
        5: ["200", b"{}"],
    }


async def connected(port):
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


async def test_opentelemetrys_interceptor_makes_the_same_span_as_on_a_server():
    spans = {}
    for front in ("server", "transcoder"):
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        interceptors = [aio_server_interceptor(tracer_provider=provider)]
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        if front == "transcoder":
            app = Transcoder(interceptors=interceptors)
            library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), app)
            await call(app, "GET", "/v1/shelves/1/books/2", headers={"traceparent": trace})
            await call(app, "GET", "/v1/shelves/1/books/aborts-not-found")
        else:
            await over_grpc(interceptors, trace)
        spans[front] = [
            (
                span.name,
                span.kind,
                span.status.status_code,
                span.parent and span.parent.span_id,
                dict(span.attributes)["rpc.grpc.status_code"],
                dict(span.attributes)["rpc.method"],
            )
            for span in exporter.get_finished_spans()
        ]
    assert len(spans["server"]) == 2
    assert spans["transcoder"] == spans["server"]


async def over_grpc(interceptors, trace):
    from tests.grpc_transcoding._gen import library_pb2

    server = grpc.aio.server(interceptors=interceptors)
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = library_pb2_grpc.LibraryStub(channel)
        request = library_pb2.GetBookRequest(name="shelves/1/books/2")
        await stub.GetBook(request, metadata=(("traceparent", trace),))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetBook(library_pb2.GetBookRequest(name="shelves/1/books/aborts-not-found"))
    await server.stop(20)  # its calls end a little later than the client has their answers


async def test_a_mount_behind_a_proxy_that_takes_a_prefix_off_is_found(app):
    """As uvicorn tells it with --root-path: the prefix is put back in front of the path."""
    outer = Starlette(routes=[Mount("/api", app)])
    target = "/proxy/api/v1/drafts/a%2Fb"
    answer = await call(outer, "GET", target, path="/proxy/api/v1/drafts/a/b", root_path="/proxy")
    assert answer.json["name"] == "drafts/a%2Fb"
