"""In front of a remote server: the same answers as in process."""

import asyncio

import grpc
import grpc.aio
import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, descriptor_pb2
from grpc_reflection.v1alpha import reflection

from grpc_transcoding import JsonFormat, Transcoder
from grpc_transcoding.calls.descriptors import pool_of
from grpc_transcoding.messages.json_reply import encode_json
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import Conversation, call, scope_of
from tests.grpc_transcoding.http.test_lifespan import Lifespan
from tests.grpc_transcoding.library import LibraryServicer
from tests.ports import free_ports

LIBRARY = "grpc_transcoding.testing.v1.Library"
BOOK = "/v1/shelves/1/books/2"


def files_of(*modules) -> descriptor_pb2.FileDescriptorSet:
    files = {}

    def add(file):
        for dependency in file.dependencies:
            add(dependency)
        proto = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(proto)
        files[file.name] = proto

    for module in modules:
        add(module.DESCRIPTOR)
    return descriptor_pb2.FileDescriptorSet(file=files.values())


@pytest.fixture
async def channel(servicer):
    server = grpc.aio.server()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
    reflection.enable_server_reflection([LIBRARY, reflection.SERVICE_NAME], server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


@pytest.fixture(params=["a descriptor set", "a file of one", "reflection"])
def remote(request, channel, tmp_path):
    if request.param == "reflection":
        return Transcoder(channel=channel, error_domain="library.example.com")
    files = files_of(library_pb2)
    if request.param == "a file of one":
        path = tmp_path / "library.binpb"
        path.write_bytes(files.SerializeToString())
        files = path
    return Transcoder(channel=channel, descriptors=files, error_domain="library.example.com")


REQUESTS = [
    ("GET", BOOK, None, {}),
    ("GET", "/v1/drafts/a/b%2Fc", None, {}),
    ("GET", "/v1/shelves/1/books/metadata", None, {}),
    ("GET", "/v1/shelves/1/books/detailed", None, {}),
    ("GET", "/v1/shelves/1/books/retry", None, {}),
    ("GET", "/v1/shelves/1/books/aborts-unauthenticated", None, {}),
    ("GET", "/v1/shelves/1/books?pageToken=a+b", None, {}),
    ("GET", "/v1/shelves/1/books?colour=red", None, {}),
    ("POST", "/v1/shelves/1/books", {"title": "E", "printTime": "2020-01-01T00:00:00Z"}, {}),
    ("POST", "/v1/shelves/1/books", {"printTime": "noon"}, {}),
    ("PATCH", BOOK, {"title": "E"}, {}),
    ("DELETE", BOOK, None, {}),
    ("GET", BOOK + "/pages/3", None, {}),
    ("GET", BOOK + "/cover", None, {}),
    ("PUT", BOOK + "/cover", b"GIF", {"content-type": "image/gif"}),
    ("GET", BOOK + ":read", None, {}),
    ("GET", BOOK + ":read?failAfter=2", None, {}),
    ("GET", "/v1/shelves/1/books/broken:read", None, {}),
    ("GET", "/v1/shelves/1/books/headed", None, {}),
    ("GET", "/v1/shelves/1/books/headed:read", None, {}),
    ("GET", BOOK + ":download", None, {}),
    ("POST", "/v1/shelves/1/books:import", [{"title": "a"}, {"title": "b"}], {}),
    ("POST", "/v1/shelves/1/books:import", [{"title": "a"}, {"titel": "b"}], {}),
    ("POST", "/v1/discussions", [{"text": "a"}, {"text": "b"}], {}),
    ("POST", "/v1/echo", {"types": {"struct": {"a": [1, None]}, "any": {"@type": "type.googleapis.com/grpc_transcoding.testing.v1.Author", "year": 1}, "int64Wrapper": "5", "fieldMask": "a,bC", "duration": "1.5s"}}, {}),
    ("GET", "/v1/nowhere", None, {}),
    ("PUT", BOOK, None, {}),
]  # fmt: skip


async def test_a_remote_server_is_answered_as_one_in_process(remote, app):
    for method, target, body, headers in REQUESTS:
        near = await call(app, method, target, body, headers)
        far = await call(remote, method, target, body, headers)
        assert (far.status, far.body) == (near.status, near.body), target
        assert far.headers == near.headers


async def test_metadata_and_deadline_reach_the_remote_server(channel, servicer):
    remote = Transcoder(channel=channel)
    headers = {"X-Asked": "yes", "X-Raw-Bin": "AP8", "User-Agent": "test", "Grpc-Timeout": "60S"}
    await call(remote, "GET", BOOK, headers=headers)
    (context,) = servicer.contexts
    sent = dict(context.invocation_metadata())
    assert (sent["x-asked"], sent["x-raw-bin"]) == ("yes", b"\x00\xff")
    assert 40 < context.time_remaining() < 61  # gRPC rounds it up on the wire


async def test_a_client_that_disconnects_cancels_the_remote_call(channel, servicer):
    remote = Transcoder(channel=channel)
    talk = Conversation(remote, scope_of("GET", "/v1/shelves/1/books/wait"))
    await asyncio.wait_for(servicer.has_begun.wait(), 20)
    talk.disconnect()
    await talk.end()
    await asyncio.wait_for(servicer.was_cancelled.wait(), 20)


async def test_a_deadline_holds_for_the_remote_call(channel, servicer):
    remote = Transcoder(channel=channel)
    answer = await call(remote, "GET", "/v1/shelves/1/books/wait", headers={"Grpc-Timeout": "1S"})
    assert answer.error[:2] == (504, "DEADLINE_EXCEEDED")
    await asyncio.wait_for(servicer.was_cancelled.wait(), 20)
    # Over before it begins: gRPC is the one who says so, and the answer is the same.
    early = await call(remote, "GET", BOOK, headers={"Grpc-Timeout": "1n"})
    assert early.json == answer.json
    assert early.reason == "DEADLINE_EXCEEDED"


def test_an_any_of_an_unknown_type_is_shown_whatever_the_files_of_a_server_import():
    pool, _ = pool_of(files_of(operations_pb2))
    unknown = any_pb2.Any(type_url="type.googleapis.com/a.Song", value=b"1")
    reply = operations_pb2.Operation(name="a", metadata=unknown)
    assert encode_json(reply, JsonFormat(), pool) == (
        b'{"name":"a","metadata":{"@type":"type.googleapis.com/a.Song","value":"MQ=="}}'
    )


@pytest.mark.logs_errors
async def test_a_server_that_does_not_reflect_is_503_until_it_does():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        remote = Transcoder(channel=channel)
        answer = await call(remote, "GET", BOOK)
        assert answer.error == (
            503,
            "UNAVAILABLE",
            "the server behind this one does not tell its services",
        )
        assert answer.reason == "BACKEND_UNAVAILABLE"
    await server.stop(None)


async def test_only_the_services_that_are_named_are_bound(channel):
    files = files_of(library_pb2, operations_pb2)
    everything = Transcoder(channel=channel, descriptors=files)
    named = Transcoder(channel=channel, descriptors=files, services=[LIBRARY])
    selectors = {row.selector.rpartition(".")[0] for row in everything.routes.rows}
    assert selectors == {LIBRARY, "google.longrunning.Operations"}
    assert {row.selector.rpartition(".")[0] for row in named.routes.rows} == {LIBRARY}


async def test_what_cannot_be_used_is_refused_when_it_is_made(channel, tmp_path):
    cut = files_of(library_pb2)
    del cut.file[0]
    path = tmp_path / "x.binpb"
    path.write_bytes(b"\xff")
    cases = [
        ({"descriptors": cut}, ValueError, "the descriptor set lacks 'google/api/http.proto', which 'google/api/annotations.proto' imports: write it with protoc's --include_imports"),
        ({"descriptors": tmp_path / "none"}, ValueError, "the descriptor set none cannot be read: No such file or directory"),
        ({"descriptors": path}, ValueError, "x.binpb is no descriptor set: it should be written by: protoc --include_imports --descriptor_set_out"),
        ({"interceptors": [Nothing()]}, TypeError, "interceptors run where the servicers are: on the remote server"),
    ]  # fmt: skip
    for arguments, kind, message in cases:
        with pytest.raises(kind) as raised:
            Transcoder(channel=channel, **arguments)
        assert str(raised.value) == message
    transcoder = Transcoder(channel=channel)
    with pytest.raises(TypeError, match="it takes no servicers"):
        library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    with pytest.raises(RuntimeError, match="has not been asked for its services"):
        transcoder.build()


class Nothing(grpc.aio.ServerInterceptor):
    async def intercept_service(self, continuation, details):
        return await continuation(details)


@pytest.mark.logs_errors
async def test_a_remote_server_may_come_up_after_the_transcoder(servicer):
    (port,) = free_ports()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        remote = Transcoder(channel=channel)
        played = Lifespan(remote)
        await played.tell("startup")
        while not played.sent:
            await asyncio.sleep(0.001)
        assert played.sent == ["startup.complete"]
        assert (await call(remote, "GET", BOOK)).status == 503
        server = grpc.aio.server()
        library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
        reflection.enable_server_reflection([LIBRARY], server)
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        async with asyncio.timeout(10):
            while (await call(remote, "GET", BOOK)).status == 503:
                await asyncio.sleep(0.05)  # the channel's own back-off
        assert (await call(remote, "GET", BOOK)).status == 200
        await played.tell("shutdown")
        await played.end()
        await server.stop(None)
