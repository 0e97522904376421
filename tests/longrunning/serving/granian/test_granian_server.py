"""REST under granian: what it keeps of docs/transport.md, over real connections."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from longrunning import App, MemoryStore, Operations, serving
from longrunning.serving import CertificateFiles, HttpServerKind, StartupError, TransportLimits
from longrunning.serving.addresses import Address
from longrunning.serving.granian_server import GranianServer
from longrunning.serving.wait_limit import WaitLimit
from tests.longrunning.serving.connections import exchange, slow_body, trickle
from tests.longrunning.serving.doors import PARENT, opened

GRANIAN = HttpServerKind.GRANIAN
GET = b"GET /v1/operations HTTP/1.1\r\nhost: x\r\n"
MIB = 1024 * 1024
SOON = TransportLimits(head_seconds=0.3, pause_seconds=0.3)
ROOT = Path(__file__).parents[4]
LRO = Path(sys.executable).with_name("lro")


async def test_it_serves_rest_as_uvicorn_does() -> None:
    async with (
        opened(http_server=GRANIAN) as (address, scanner),
        httpx.AsyncClient(base_url=f"http://{address.http}", timeout=30) as client,
    ):
        scanned = await client.post(f"/v1/{PARENT}/scans", json={})
        assert scanned.status_code == 200
        assert scanned.headers["server"] == "granian"
        name = scanned.json()["name"]
        assert (await client.get(f"/v1/{name}")).json() == {"name": name}
        encoded = "/v1/operations/a%2Fb%3Ac"
        missing = (await client.get(encoded)).json()["error"]
        assert (missing["code"], missing["status"]) == (404, "NOT_FOUND")
        assert "'operations/a%2Fb:c'" in missing["message"]
        too_long = await client.post(f"/v1/{PARENT}/scans", content=bytes(4 * MIB + 1))
        assert too_long.status_code == 413
        waited = await client.post(f"/v1/{name}:wait", json={"timeout": "0.1s"})
        assert waited.json() == {"name": name}
        await scanner.operations.succeed(name)
        assert (await client.get(f"/v1/{name}")).json()["done"] is True


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([GET + b"x: " + b"a" * 20_000 + b"\r\nconnection: close\r\n\r\n"], id="whole"),
        pytest.param([GET + b"x: " + b"a" * 100_000], id="never ending"),
        pytest.param([GET, *[b"x: " + b"a" * 1000 + b"\r\n"] * 60], id="many"),
    ],
)
async def test_a_long_head_is_refused_as_it_comes(sent: list[bytes]) -> None:
    async with opened(http_server=GRANIAN) as (address, _):
        received = await exchange(address.http, *sent)
    assert received[:13] in {b"HTTP/1.1 431 ", b""}  # it may close before all was sent


@pytest.mark.parametrize(
    ("begin", "each"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(GET + b"x: ", b"a", id="a head byte by byte"),
        pytest.param(
            b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
            b"",
            id="a body that stops",
        ),
        pytest.param(GET + b"\r\nGET /v1/", b"a", id="the head of a second request, byte by byte"),
        pytest.param(GET + b"\r\n", b"", id="nothing behind a request"),
    ],
)
async def test_a_slow_client_is_cut_off(begin: bytes, each: bytes) -> None:
    async with opened(limits=SOON, http_server=GRANIAN) as (address, _):
        assert 0.2 < await trickle(address.http, begin, each) < 10


async def test_a_body_that_stops_is_answered_with_408() -> None:
    begin = b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"
    async with opened(limits=SOON, http_server=GRANIAN) as (address, _):
        assert (await exchange(address.http, begin)).startswith(b"HTTP/1.1 408 ")


async def test_a_body_may_take_long_if_it_keeps_coming() -> None:
    limits = TransportLimits(pause_seconds=2)
    async with opened(limits=limits, http_server=GRANIAN) as (address, _):
        assert (await slow_body(address.http)).startswith(b"HTTP/1.1 404 ")


async def test_a_waiter_that_goes_away_is_noticed_and_one_that_stays_is_not_slow() -> None:
    limits = TransportLimits(head_seconds=2, pause_seconds=2)
    waits = WaitLimit(limits)
    async with opened(limits=limits, waits=waits, http_server=GRANIAN) as (address, scanner):
        name = (await scanner.operations.create(parent=PARENT)).name
        host, _, port = address.http.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = b'{"timeout": "60s"}'
        head = f"POST /v1/{name}:wait HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        async with asyncio.timeout(10):
            while not waits._all:
                await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 3)  # longer than all that is slow
        assert waits._all == 1
        writer.close()
        async with asyncio.timeout(10):
            while waits._all:
                await asyncio.sleep(0.01)


async def test_connections_above_the_limit_wait_for_one_to_end() -> None:
    limits = TransportLimits(connections=1)
    async with opened(limits=limits, http_server=GRANIAN) as (address, _):
        host, _, port = address.http.rpartition(":")
        first = await asyncio.open_connection(host, int(port))
        first[1].write(GET + b"\r\n")
        assert (await first[0].read(9)) == b"HTTP/1.1 "
        second = await asyncio.open_connection(host, int(port))
        second[1].write(GET + b"\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(second[0].read(9), 0.5)
        first[1].close()
        assert (await asyncio.wait_for(second[0].read(9), 10)) == b"HTTP/1.1 "
        second[1].close()


async def test_tls_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    files = CertificateFiles(cert=tmp_path / "tls.crt", key=tmp_path / "tls.key")
    with pytest.raises(StartupError) as refused:
        await serving.serve(
            [App(Operations(MemoryStore()))],
            certificate=files,
            http_server=GRANIAN,
            ready=lambda _: pytest.fail("it serves"),
        )
    assert str(refused.value) == (
        "--http-server granian neither takes up certificates that change nor says whose a "
        "client's is: serve TLS with uvicorn, or put a proxy that speaks it before this"
    )


async def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "granian", None)
    with pytest.raises(StartupError) as refused:
        GRANIAN.check(has_tls=False)
    assert str(refused.value) == (
        "--http-server granian needs the extra 'granian': pip install 'longrunning[granian]'"
    )


SHOP = """
from longrunning import App, MemoryStore, Operations
app = App(Operations(MemoryStore()))
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_lro_serve_drains_and_shares_no_port(tmp_path: Path, workers: str) -> None:
    (tmp_path / "shop.py").write_text(SHOP)
    options = ["--http-server=granian", "--store=sqlite:///o.db", "--grpc=127.0.0.1:0"]
    options += [f"--workers={workers}", "--drain=2"]

    def start(http: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [LRO, "serve", "shop:app", *options, "--http", http],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    process = start("127.0.0.1:0")
    try:
        assert process.stdout
        line = process.stdout.readline()
        (http,) = re.findall(r"HTTP on http://([^,]+),", line)
        with httpx.Client(base_url=f"http://{http}", timeout=30) as client:
            assert client.get("/v1/operations").json() == {}
            other = start(http)
            _, err = other.communicate(timeout=30)
            assert other.returncode == 2
            assert f"lro: cannot listen on --http {http}: address already in use; " in err
            assert client.get("/v1/operations").json() == {}
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err
    assert "experimental" not in err


async def serving_alone(application: Any, grace: float) -> tuple[GranianServer, Any]:
    """Serves an application; returns the server and a connection that has asked for something."""
    holder = Address("127.0.0.1", 0).hold("--http")
    where = holder.getsockname()
    server = GranianServer(application, holder, grace=grace)
    await server.start()
    reader, writer = await asyncio.open_connection(*where)
    writer.write(GET + b"\r\n")
    async with asyncio.timeout(10):
        while not server._calls:
            await asyncio.sleep(0.01)
    return server, (reader, writer)


async def test_a_stop_ends_calls_that_outlast_it() -> None:
    ended = asyncio.Event()

    async def never(_scope: object, _receive: object, _send: object) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    server, (_, writer) = await serving_alone(never, 0)
    await asyncio.wait_for(server.stop(), 10)
    assert ended.is_set()
    writer.close()


async def test_a_stop_lets_calls_under_way_finish() -> None:
    async def slow(_scope: object, _receive: object, send: Any) -> None:
        await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    server, (reader, writer) = await serving_alone(slow, 10)
    await asyncio.wait_for(server.stop(), 10)
    assert (await reader.read()).startswith(b"HTTP/1.1 204 ")
    writer.close()


async def test_a_client_that_takes_no_answer_does_not_hold_up_a_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def long(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(256 * MIB)})
        await asyncio.sleep(1)

    server, (_, writer) = await serving_alone(long, 0)
    await asyncio.wait_for(server.stop(), 20)
    assert "left HTTP connections behind that their clients keep open" in caplog.text
    writer.close()
