"""Lifespan events, mounts, and what is no HTTP request."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from google.api import http_pb2

from grpc_transcoding import ServiceConfigError, Transcoder
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.library import LibraryServicer

BOOK = "/v1/shelves/1/books/2"


class Lifespan:
    """Plays a server that starts and stops an application."""

    def __init__(self, app) -> None:
        self._events = asyncio.Queue()
        self.sent = []
        self.scope = {"type": "lifespan", "state": {}}
        self._task = asyncio.ensure_future(app(self.scope, self._events.get, self._send))

    async def _send(self, event) -> None:
        self.sent.append(event["type"].removeprefix("lifespan."))

    async def tell(self, kind: str) -> None:
        self._events.put_nowait({"type": f"lifespan.{kind}"})
        seen = len(self.sent)
        while len(self.sent) == seen and not self._task.done():
            await asyncio.sleep(0)

    async def end(self) -> None:
        await self._task


async def test_a_lifespan_is_open_while_the_server_runs():
    events = []

    @asynccontextmanager
    async def lifespan(app):
        events.append("opened")
        yield {"key": app}
        events.append("closed")

    transcoder = Transcoder(lifespan=lifespan)
    played = Lifespan(transcoder)
    await played.tell("startup")
    assert (events, played.sent) == (["opened"], ["startup.complete"])
    assert played.scope["state"] == {"key": transcoder}
    await played.tell("shutdown")
    await played.end()
    assert events == ["opened", "closed"]
    assert played.sent == ["startup.complete", "shutdown.complete"]


@pytest.mark.logs_errors
async def test_a_lifespan_that_fails_tells_the_server():
    @asynccontextmanager
    async def lifespan(app):
        raise OSError("no database")
        yield

    played = Lifespan(Transcoder(lifespan=lifespan))
    await played.tell("startup")
    assert played.sent == ["startup.failed"]
    with pytest.raises(OSError, match="no database"):
        await played.end()


@pytest.mark.logs_errors
async def test_faulty_rules_end_the_start():
    from google.api import http_pb2

    played = Lifespan(Transcoder(http_rules=[http_pb2.HttpRule(selector="a.B.C", get="/x")]))
    await played.tell("startup")
    assert played.sent == ["startup.failed"]
    with pytest.raises(ServiceConfigError):
        await played.end()


@pytest.mark.logs_errors
async def test_faulty_rules_without_a_lifespan_are_in_the_log_and_500(caplog):
    """An application that is mounted receives no lifespan event."""
    rule = http_pb2.HttpRule(selector="no.such.Service.Method", get="/v1/swordfish")
    transcoder = Transcoder(http_rules=[rule])
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    answer = await call(transcoder, "GET", "/v1/shelves/1/books/2")
    assert answer.error == (500, "INTERNAL", "Internal error.")
    assert answer.reason == "TRANSCODER_FAILED"
    assert "no.such.Service.Method" in caplog.text


async def test_a_websocket_is_closed():
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(event):
        sent.append(event)

    await Transcoder()({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1003}]


@pytest.mark.parametrize(
    ("raw_path", "root_path"),
    [
        ("/v1/drafts/a%2Fb", ""),
        ("/api/v1/drafts/a%2Fb", "/api"),
        ("/api/v1/drafts/a%2Fb", "/api/"),
        ("/outer/in%20ner/v1/drafts/a%2Fb", "/outer/in ner"),
        ("/outer/%69nner/v1/drafts/a%2Fb", "/outer/inner"),
        # A server that has taken the prefix off already.
        ("/v1/drafts/a%2Fb", "/api"),
        # A prefix that is part of a longer segment is none.
        ("/v1/drafts/a%2Fb", "/v"),
    ],
)
async def test_a_mount_is_taken_off_the_raw_path(app, raw_path, root_path):
    answer = await call(app, "GET", raw_path, root_path=root_path)
    assert answer.json["name"] == "drafts/a%2Fb"


async def test_without_a_raw_path_the_decoded_one_is_taken(app):
    answer = await call(app, "GET", "/v1/drafts/a b", raw_path=None)
    assert answer.json["name"] == "drafts/a b"


async def test_servicers_may_be_added_until_the_first_request_and_after():
    transcoder = Transcoder()
    assert (await call(transcoder, "GET", BOOK)).status == 404
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    assert (await call(transcoder, "GET", BOOK)).status == 200


def test_what_is_no_handler_is_refused():
    with pytest.raises(TypeError, match=r"is no grpc\.GenericRpcHandler"):
        Transcoder().add_generic_rpc_handlers((object(),))


def test_a_service_without_descriptor_is_named():
    import grpc

    transcoder = Transcoder()
    transcoder.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", {}),))
    with pytest.raises(LookupError, match=r"the service 'a\.B' is not in the descriptor pool"):
        transcoder.build()


async def test_the_openapi_document_is_served_where_it_is_wanted():
    transcoder = Transcoder(openapi_path="/openapi.json")
    library_pb2_grpc.add_LibraryServicer_to_server(LibraryServicer(), transcoder)
    answer = await call(transcoder, "GET", "/api/openapi.json", root_path="/api")
    assert answer.json["servers"] == [{"url": "/api"}]
    assert (await call(transcoder, "POST", "/openapi.json")).headers[
        "allow"
    ] == "GET, HEAD, OPTIONS"
    assert (await call(Transcoder(), "GET", "/openapi.json")).status == 404
