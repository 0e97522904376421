"""Who shows no good token learns nothing else, whatever is called, and however it is wrong."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import grpc
import httpx
import pytest

from longrunning import App, InvalidArgument, MemoryStore, Operations
from longrunning.auth import Authenticator, Caller, InvalidTokenError
from longrunning.serving.addresses import Address
from longrunning.serving.door import Door
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc

LIBRARY = library_pb2.DESCRIPTOR.services_by_name["Library"]
METHODS = {method.name: method for method in LIBRARY.methods}
ANYWHERE = Address("127.0.0.1", 0)
GOOD = (("authorization", "Bearer good"),)
MALFORMED = b"\xff\xff"
# What gRPC's client says of a call that ended while it was about to write; no server says it.
OF_THE_CLIENT = "Internal error from Core"


class Tokens:
    async def verify(self, token: str) -> Caller:
        if token != "good":
            raise InvalidTokenError("it is bad")
        return Caller(subject="alice", issuer="https://issuer.example")


class Library(library_pb2_grpc.LibraryServicer):
    """Answers some methods async and some sync, and leaves the others out."""

    def GetBook(self, request: Any, context: Any) -> Any:
        raise KeyError("secret")

    def ReadBook(self, request: Any, context: Any) -> Iterator[Any]:
        raise KeyError("secret")
        yield

    async def CreateBook(self, request: Any, context: Any) -> Any:
        raise KeyError("secret")

    def MoveBook(self, request: Any, context: Any) -> Any:
        raise InvalidArgument("Not there.", field="name", reason="NO_SUCH_SHELF")


class Wants(grpc.aio.ServerInterceptor):
    """Refuses calls before it is known what answers them."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        raise self.error


@contextlib.asynccontextmanager
async def served(
    *interceptors: grpc.aio.ServerInterceptor,
) -> AsyncIterator[tuple[grpc.aio.Channel, httpx.AsyncClient]]:
    operations = Operations(MemoryStore())
    app = App(
        operations,
        servicers=[(library_pb2_grpc.add_LibraryServicer_to_server, Library())],
        authenticator=Authenticator([Tokens()]),
        interceptors=interceptors,
    )
    door = Door(app)
    async with operations:
        bound = door.bind(ANYWHERE, ANYWHERE, grace=1)
        await door.open()
        try:
            async with (
                grpc.aio.insecure_channel(bound.grpc) as channel,
                httpx.AsyncClient(base_url=f"http://{bound.http}", timeout=30) as client,
            ):
                yield channel, client
        finally:
            await door.close(1)


async def refusal(
    channel: grpc.aio.Channel, name: str, metadata: Sequence[tuple[str, str]] = ()
) -> tuple[str, str]:
    """Calls a method with what is no message, and returns the code and text of its refusal."""
    method = METHODS[name]
    ways = [method.client_streaming, method.server_streaming]
    start = getattr(channel, "_".join("stream" if streams else "unary" for streams in ways))
    request = [MALFORMED] if method.client_streaming else MALFORMED
    for _ in range(100):
        call = start(f"/{LIBRARY.full_name}/{name}")(request, metadata=metadata, timeout=10)
        code, details = await call.code(), await call.details()
        if details != OF_THE_CLIENT:
            return code.name, details
    raise AssertionError("the client writes to calls that have ended, again and again")


async def test_a_token_is_asked_for_before_a_request_is_parsed() -> None:
    async with served() as (channel, _):
        for name in METHODS:
            code, text = await refusal(channel, name)
            assert (name, code) == (name, "UNAUTHENTICATED")
            assert "has no access token" in text


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GetBook", "INVALID_ARGUMENT"),  # sync
        ("ReadBook", "INVALID_ARGUMENT"),  # sync, and streams
        ("CreateBook", "INVALID_ARGUMENT"),  # async
        ("DeleteBook", "UNIMPLEMENTED"),  # left out
        ("DownloadBook", "UNIMPLEMENTED"),  # left out, and streams
    ],
)
async def test_what_is_no_message_is_refused_in_our_own_words(name: str, expected: str) -> None:
    async with served() as (channel, _):
        code, text = await refusal(channel, name, GOOD)
    assert code == expected
    assert "DecodeError" not in text


async def test_a_method_that_is_left_out_says_so_as_errors_do() -> None:
    async with served() as (_, client):
        refused = await client.delete("/v1/shelves/1/books/2")
        assert refused.status_code == 401
        reply = await client.delete(
            "/v1/shelves/1/books/2", headers={"authorization": "Bearer good"}
        )
        assert reply.status_code == 501
        assert reply.json()["error"]["details"][0]["reason"] == "METHOD_NOT_IMPLEMENTED"


async def test_exceptions_of_sync_methods_stay_here() -> None:
    async with served() as (channel, client):
        for name, kind, expected in (
            ("GetBook", "unary_unary", "Internal error."),
            ("ReadBook", "unary_stream", "Internal error."),
            ("MoveBook", "unary_unary", "Not there."),
        ):
            call = getattr(channel, kind)(f"/{LIBRARY.full_name}/{name}")(b"", metadata=GOOD)
            assert await call.details() == expected

        reply = await client.post(
            "/v1/shelves/1/books/2:move", json={}, headers={"authorization": "Bearer good"}
        )
        assert reply.status_code == 400
        assert reply.json()["error"]["details"][0]["reason"] == "NO_SUCH_SHELF"


@pytest.mark.parametrize(
    ("error", "code", "http_status"),
    [
        (InvalidArgument("Which tenant?", field="", reason="NO_TENANT"), "INVALID_ARGUMENT", 400),
        (KeyError("secret"), "INTERNAL", 500),
    ],
)
async def test_interceptors_that_fail_come_behind_the_token(
    error: Exception, code: str, http_status: int
) -> None:
    async with served(Wants(error)) as (channel, client):
        for name in ("GetBook", "CreateBook", "DeleteBook"):
            assert (await refusal(channel, name))[0] == "UNAUTHENTICATED"
            assert (await refusal(channel, name, GOOD))[0] == code
        for headers, expected in (({}, 401), (dict(GOOD), http_status)):
            for path in ("/v1/shelves/1/books/2", "/v1/shelves/1/books/2:read"):  # which streams
                reply = await client.get(path, headers=headers)
                assert reply.status_code == expected
                assert "secret" not in reply.text
