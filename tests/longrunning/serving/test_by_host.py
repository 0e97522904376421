"""One HTTP port for several services, chosen by the Host header."""

import asyncio

import httpx
import pytest
from google.api import service_pb2

from longrunning import App, MemoryStore, Operations
from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.by_host import ByHost
from longrunning.serving.door import Door
from longrunning.serving.http_server import HttpServer

DOMAIN = "hosts.example"
ANYWHERE = Address("127.0.0.1", 0)


async def asked(by_host: ByHost, host: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(by_host), base_url="http://test"
    ) as client:
        return await client.get(path, headers={"Host": host})


def doors(operations: Operations, *, with_everything: bool) -> list[Door]:
    apps = [
        App(operations, service=operations.for_service(file))
        for file in ("texttospeech_v1", "dataproc_v1")
    ]
    return [Door(app) for app in (*apps, *([App(operations)] if with_everything else []))]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("texttospeech.googleapis.com", 200),
        ("TextToSpeech.googleapis.com:8080", 200),
        ("texttospeech.googleapis.com.", 200),
        ("dataproc.googleapis.com.:8080", 404),
        ("dataproc.googleapis.com", 404),
        ("127.0.0.1:8080", 200),
        ("", 200),
    ],
)
async def test_the_door_that_shows_everything_has_all_other_hosts(host: str, status: int) -> None:
    operations = Operations(MemoryStore())
    by_host = ByHost(doors(operations, with_everything=True), DOMAIN)
    method = "google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize/SynthesizeLongAudio"
    async with operations:
        parent = "projects/p/locations/l"
        name = (await operations.create(parent=parent, method=method)).name
        assert (await asked(by_host, host, f"/v1/{name}")).status_code == status


async def test_without_it_another_host_is_refused() -> None:
    by_host = ByHost(doors(Operations(MemoryStore()), with_everything=False), DOMAIN)
    reply = await asked(by_host, "example.com", "/v1/operations")
    assert reply.status_code == 404
    assert reply.json() == {
        "error": {
            "code": 404,
            "message": "No service of this server has the name that the Host header says.",
            "status": "NOT_FOUND",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "HOST_UNKNOWN",
                    "domain": DOMAIN,
                }
            ],
        }
    }


@pytest.mark.parametrize("with_everything", [True, False])
async def test_two_hosts_are_refused(with_everything: bool) -> None:
    operations = Operations(MemoryStore())
    by_host = ByHost(doors(operations, with_everything=with_everything), DOMAIN)
    hosts = [("Host", f"{name}.googleapis.com") for name in ("texttospeech", "dataproc")]
    transport = httpx.ASGITransport(by_host)
    async with operations, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        path = "/v1/projects/p/locations/l/operations"
        reply = await client.get(path, headers=hosts)
        assert (await client.get(path, headers=hosts[:1])).status_code == 200
    error = reply.json()["error"]
    assert (reply.status_code, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["details"][0]["reason"] == "HOST_AMBIGUOUS"


DATAPROC, SPEECH = "dataproc.googleapis.com", "texttospeech.googleapis.com"


@pytest.mark.parametrize(
    ("target", "hosts", "status"),
    [
        ("", [SPEECH], 200),
        ("", [DATAPROC], 404),
        (f"http://{SPEECH}", [DATAPROC], 200),
        (f"http://{DATAPROC}", [SPEECH], 404),
        (f"HTTP://x@{SPEECH.upper()}.:80", [DATAPROC], 200),
        (f"https://{SPEECH}:443", [], 200),
        ("http://[::1]:80", [SPEECH], 404),
        (f"http://{SPEECH}", [SPEECH, SPEECH], 400),
        (f"/http://{DATAPROC}", [SPEECH], 404),
        (f"//{DATAPROC}", [SPEECH], 404),
    ],
)
async def test_the_host_of_a_target_that_is_a_whole_url_counts_before_the_header(
    target: str, hosts: list[str], status: int
) -> None:
    operations = Operations(MemoryStore())
    by_host = ByHost(doors(operations, with_everything=False), DOMAIN)
    listener = ANYWHERE.listen("--http-by-host")
    server = HttpServer(by_host, listener, grace=1)
    method = "google.cloud.texttospeech.v1.TextToSpeechLongAudioSynthesize/SynthesizeLongAudio"
    async with operations:
        name = (await operations.create(parent="projects/p/locations/l", method=method)).name
        await server.start()
        try:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            lines = [f"GET {target}/v1/{name} HTTP/1.1", *(f"Host: {host}" for host in hosts)]
            writer.write("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
            answer = await reader.readline()
            writer.close()
        finally:
            await server.stop()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())


async def test_two_services_whose_names_differ_in_the_last_dot_are_the_same() -> None:
    operations = Operations(MemoryStore())
    files = [service_pb2.Service(name=name) for name in ("a.example", "A.example.")]
    same = [Door(App(operations, service=operations.for_service(file))) for file in files]
    with pytest.raises(StartupError, match=r"two of the apps are doors of A\.example\."):
        ByHost(same, DOMAIN)


async def test_a_websocket_is_closed() -> None:
    by_host = ByHost(doors(Operations(MemoryStore()), with_everything=False), DOMAIN)
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(event: object) -> None:
        sent.append(event)

    for host in (b"example.com", b"dataproc.googleapis.com"):
        await by_host({"type": "websocket", "headers": [(b"host", host)]}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1003}] * 2


@pytest.mark.parametrize(
    ("first", "number", "address"),
    [
        ("127.0.0.1:50051", 0, "127.0.0.1:50051"),
        ("127.0.0.1:50051", 5, "127.0.0.1:50056"),
        ("127.0.0.1:65530", 5, "127.0.0.1:65535"),
        ("[::1]:0", 5, "[::1]:0"),
    ],
)
def test_the_doors_take_one_port_after_the_other(first: str, number: int, address: str) -> None:
    assert str(Address.parse(first, "--grpc").after(number, "--grpc")) == address


def test_there_is_no_port_after_the_last() -> None:
    with pytest.raises(StartupError) as refused:
        Address.parse("127.0.0.1:65530", "--grpc").after(6, "--grpc")
    assert str(refused.value) == (
        "--grpc 127.0.0.1:65530 leaves too few ports: 7 are needed from there on; begin lower"
    )
