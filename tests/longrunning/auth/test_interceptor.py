"""Every kind of method knows its caller, on gRPC and on REST, async and sync."""

import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import httpx
import pytest
from google.api import http_pb2
from google.longrunning import operations_pb2, operations_pb2_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from grpc_transcoding import Transcoder
from longrunning import MemoryStore, Operations
from longrunning.auth import (
    ANONYMOUS,
    AuthenticationInterceptor,
    Authenticator,
    Caller,
    InvalidTokenError,
    OwnerOnly,
    SyncAuthenticationInterceptor,
    caller_of,
)
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc

ISSUER = "https://issuer.example"


class Names:
    """Tokens that are the names of their bearers."""

    async def verify(self, token: str) -> Caller | None:
        if token.startswith("not-mine"):
            return None
        if token == "nobody":
            return ANONYMOUS
        if token == "bad":
            raise InvalidTokenError("it is bad")
        return Caller(subject=token, issuer=ISSUER)


def interceptor(**options: Any) -> AuthenticationInterceptor:
    return AuthenticationInterceptor(Authenticator([Names()], **options))


def subject(context: Any) -> str:
    caller = caller_of(context)
    assert caller is not None
    return caller.subject


SERVICE = "test.Who"
coding = {"request_deserializer": bytes, "response_serializer": bytes}


async def unary(request: bytes, context: Any) -> bytes:
    return subject(context).encode()


async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
    for _ in range(3):
        yield subject(context).encode()


async def written(request: bytes, context: Any) -> None:
    for _ in range(3):
        await context.write(subject(context).encode())


def sync_unary(request: bytes, context: Any) -> bytes:
    return subject(context).encode()


def sync_stream(request: bytes, context: Any) -> Iterator[bytes]:
    for _ in range(3):
        yield subject(context).encode()


async def collect(requests: AsyncIterator[bytes], context: Any) -> bytes:
    return b",".join([subject(context).encode() async for _ in requests])


async def converse(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
    async for _ in requests:
        yield subject(context).encode()


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(
        ThreadPoolExecutor(4),
        interceptors=[interceptor(without_token=["grpc.health.v1.Health.*"])],
    )
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, **coding),
        "Stream": grpc.unary_stream_rpc_method_handler(stream, **coding),
        "Written": grpc.unary_stream_rpc_method_handler(written, **coding),
        "SyncUnary": grpc.unary_unary_rpc_method_handler(sync_unary, **coding),
        "SyncStream": grpc.unary_stream_rpc_method_handler(sync_stream, **coding),
        "Collect": grpc.stream_unary_rpc_method_handler(collect, **coding),
        "Converse": grpc.stream_stream_rpc_method_handler(converse, **coding),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


METHODS = {
    "Unary": "unary_unary",
    "Stream": "unary_stream",
    "Written": "unary_stream",
    "SyncUnary": "unary_unary",
    "SyncStream": "unary_stream",
    "Collect": "stream_unary",
    "Converse": "stream_stream",
}


async def ask(channel: grpc.aio.Channel, method: str, token: str | None) -> list[str]:
    kind = METHODS[method]
    metadata = [("authorization", f"Bearer {token}")] if token else []
    start = getattr(channel, kind)(f"/{SERVICE}/{method}")
    call = start([b"a", b"b"] if kind.startswith("stream") else b"a", metadata=metadata, timeout=10)
    if kind.endswith("unary"):
        return (await call).decode().split(",")
    return [reply.decode() async for reply in call]


@pytest.mark.parametrize("method", METHODS)
async def test_every_kind_of_method_knows_its_caller(
    channel: grpc.aio.Channel, method: str
) -> None:
    for name in ("alice", "bob"):
        assert set(await ask(channel, method, name)) == {name}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("token", [None, "bad", "nobody", "not-mine"])
async def test_every_kind_of_method_is_refused(
    channel: grpc.aio.Channel, method: str, token: str | None
) -> None:
    kind = METHODS[method]
    metadata = [("authorization", f"Bearer {token}")] if token else []
    # Without any request in a stream: a client may fail to write to a call that is over.
    request = () if kind.startswith("stream") else (b"a",)
    call = getattr(channel, kind)(f"/{SERVICE}/{method}")(*request, metadata=metadata, timeout=10)
    assert await call.code() is grpc.StatusCode.UNAUTHENTICATED
    assert "www-authenticate" in {key for key, _ in await call.trailing_metadata()}


async def test_a_stream_that_is_cut_short_ends_with_its_caller() -> None:
    ended = []

    async def endless(request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                yield b""
        finally:
            ended.append(subject(context))

    class Context:
        def invocation_metadata(self) -> list[tuple[str, str]]:
            return as_("alice")

    handler = grpc.unary_stream_rpc_method_handler(endless)
    intercepted = interceptor().intercept_handler(f"/{SERVICE}/Stream", handler)
    replies = intercepted.unary_stream(b"", Context())
    assert await anext(replies) == b""
    await replies.aclose()
    assert ended == ["alice"]


async def test_a_method_may_need_no_token_but_takes_no_bad_one(
    channel: grpc.aio.Channel,
) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.Check(
            health_pb2.HealthCheckRequest(), metadata=[("authorization", "Bearer bad")]
        )
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_method_that_nobody_has_is_unimplemented(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary("/test.Who/None")(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


class AsyncLibrary(library_pb2_grpc.LibraryServicer):
    async def GetBook(self, request: Any, context: Any) -> Any:
        return library_pb2.Book(name=subject(context))


class SyncLibrary(library_pb2_grpc.LibraryServicer):
    def GetBook(self, request: Any, context: Any) -> Any:
        return library_pb2.Book(name=subject(context))


@pytest.mark.parametrize(
    ("servicer", "authenticating"),
    [
        (AsyncLibrary(), AuthenticationInterceptor(Authenticator([Names()]))),
        (SyncLibrary(), SyncAuthenticationInterceptor(Authenticator([Names()]))),
    ],
    ids=["async", "sync"],
)
async def test_a_transcoder_knows_the_caller_too(servicer: object, authenticating: Any) -> None:
    rule = http_pb2.HttpRule(
        selector=f"{library_pb2.DESCRIPTOR.package}.Library.GetBook", get="/v1/{name=shelves/*}"
    )
    transcoder = Transcoder(interceptors=[authenticating], http_rules=[rule])
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(transcoder), base_url="http://test"
    ) as client:
        for name in ("alice", "bob"):
            headers = {"authorization": f"Bearer {name}"}
            reply = await client.get("/v1/shelves/1", headers=headers)
            assert json.loads(reply.content)["name"] == name
        refused = await client.get("/v1/shelves/1")
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="longrunning"'
    # What was set for a call is not left behind in the task that made it.
    assert caller_of(object()) is ANONYMOUS  # type: ignore[arg-type]


@pytest.fixture
def sync_channel() -> Iterator[grpc.Channel]:
    authenticating = SyncAuthenticationInterceptor(Authenticator([Names()]))
    operations = Operations(MemoryStore(), authorizer=OwnerOnly())
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[authenticating])
    with operations.portal() as ops:

        def start(request: bytes, context: grpc.ServicerContext) -> bytes:
            return ops.create(parent="projects/p", context=context).name.encode()

        handlers = {
            "SyncUnary": grpc.unary_unary_rpc_method_handler(sync_unary, **coding),
            "SyncStream": grpc.unary_stream_rpc_method_handler(sync_stream, **coding),
            "Start": grpc.unary_unary_rpc_method_handler(start, **coding),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        ops.add_to_server(server, threads=4)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
        server.stop(None).wait()


def as_(name: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {name}")]


def test_a_sync_server_knows_the_caller(sync_channel: grpc.Channel) -> None:
    unary = sync_channel.unary_unary(f"/{SERVICE}/SyncUnary")
    stream = sync_channel.unary_stream(f"/{SERVICE}/SyncStream")
    for name in ("alice", "bob"):
        assert unary(b"", metadata=as_(name)) == name.encode()
        assert list(stream(b"", metadata=as_(name))) == [name.encode()] * 3
    for call in (lambda: unary(b""), lambda: list(stream(b"", metadata=as_("bad")))):
        with pytest.raises(grpc.RpcError) as refused:
            call()
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        assert "www-authenticate" in dict(refused.value.trailing_metadata())


def test_a_sync_server_asks_for_a_token_before_a_request_is_parsed(
    sync_channel: grpc.Channel,
) -> None:
    call = sync_channel.unary_unary("/google.longrunning.Operations/GetOperation")
    with pytest.raises(grpc.RpcError) as refused:
        call(b"\xff\xff")
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_portal_hides_what_is_not_the_callers(sync_channel: grpc.Channel) -> None:
    name = sync_channel.unary_unary(f"/{SERVICE}/Start")(b"", metadata=as_("alice")).decode()
    stub = operations_pb2_grpc.OperationsStub(sync_channel)
    request = operations_pb2.GetOperationRequest(name=name)
    assert stub.GetOperation(request, metadata=as_("alice")).name == name
    with pytest.raises(grpc.RpcError) as refused:
        stub.GetOperation(request, metadata=as_("bob"))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


def test_the_service_itself_is_nobody() -> None:
    assert caller_of(None) is None


def test_no_two_callers_have_one_id() -> None:
    one = Caller(issuer="https://a", subject="b#c")
    other = Caller(issuer="https://a#b", subject="c")
    assert one.id == "https://a#b#c"
    assert other.id == "https://a%23b#c"
    assert Caller(issuer="https://a%23b", subject="c").id == "https://a%2523b#c"


def test_an_authenticator_says_what_it_lacks() -> None:
    with pytest.raises(ValueError, match="an Authenticator needs a verifier"):
        Authenticator([])
    with pytest.raises(ValueError, match="is not printable ASCII without quotes"):
        Authenticator([Names()], realm='a"b')
