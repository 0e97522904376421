"""One HTTP port for several services, chosen by the Host header."""

import httpx
import pytest

from longrunning import App, MemoryStore, Operations
from longrunning.serving.addresses import Address, StartupError
from longrunning.serving.by_host import ByHost
from longrunning.serving.door import Door

DOMAIN = "hosts.example"


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
