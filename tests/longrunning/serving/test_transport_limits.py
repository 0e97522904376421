"""What callers may cost, over real connections to a real server."""

import asyncio
import contextlib
import json
import struct
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio
import httpx
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.wrappers_pb2 import StringValue

from examples.scanner._gen import scanner_pb2, scanner_pb2_grpc
from longrunning.serving import TransportLimits
from longrunning.serving.wait_limit import WaitLimit
from tests.longrunning.serving.connections import exchange, slow_body, trickle
from tests.longrunning.serving.doors import PARENT, opened

MIB = 1024 * 1024
GET = b"GET /v1/operations HTTP/1.1\r\nhost: x\r\n"
SOON = TransportLimits(head_seconds=0.3, pause_seconds=0.3, idle_seconds=1)


async def got(address: str, name: str, **options: object) -> grpc.StatusCode:
    """Returns with what a Get ends."""
    async with grpc.aio.insecure_channel(
        address, options=[("grpc.use_local_subchannel_pool", 1)]
    ) as channel:
        stub = operations_pb2_grpc.OperationsStub(channel)
        request = operations_pb2.GetOperationRequest(name=name)
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stub.GetOperation(request, timeout=20, **options)
    return ended.value.code()


# Messages


@pytest.mark.parametrize("limit", [4 * MIB, 6 * MIB])
async def test_one_number_bounds_messages_of_grpc_and_bodies_of_http(limit: int) -> None:
    async with opened(limits=TransportLimits(message_bytes=limit)) as (address, scanner):
        for size, code, status in (
            (limit - 1000, grpc.StatusCode.INVALID_ARGUMENT, 400),  # taken, and found wrong
            (limit + 1, grpc.StatusCode.RESOURCE_EXHAUSTED, 413),
        ):
            assert await got(address.grpc, "x" * size) is code
            async with httpx.AsyncClient(base_url=f"http://{address.http}", timeout=30) as client:
                body = json.dumps({"name": "x" * size})[:size].encode()
                reply = await client.post(f"/v1/{PARENT}/operations/x:cancel", content=body)
                assert reply.status_code == status, reply.text
        scanner.response = StringValue(value="x" * limit)
        no_limit = [("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(address.grpc, options=no_limit) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await scanner_pb2_grpc.ScannerStub(channel).Scan(
                    scanner_pb2.ScanRequest(parent=PARENT), timeout=20
                )
        assert ended.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "Sent message larger than max" in (ended.value.details() or "")


def test_messages_are_never_bounded_below_a_page_of_a_list() -> None:
    with pytest.raises(ValueError, match=r"message_bytes is 4194303: expected 4194304 or more"):
        TransportLimits(message_bytes=4 * MIB - 1)


# Heads


async def test_metadata_has_a_limit() -> None:
    async with opened() as (address, _):
        for size, code in (
            (15_000, grpc.StatusCode.NOT_FOUND),
            (17_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (100_000, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ):
            metadata = [("x-long", "a" * size)]
            assert await got(address.grpc, "operations/x", metadata=metadata) is code


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param([GET + b"x: " + b"a" * 20_000 + b"\r\nconnection: close\r\n\r\n"], id="whole"),
        pytest.param([GET + b"x: " + b"a" * 100_000], id="never ending"),
        pytest.param([GET, *[b"x: " + b"a" * 1000 + b"\r\n"] * 60], id="many"),
        pytest.param([b"GET /" + b"a" * 100_000], id="path"),
        pytest.param([b"\r\n" * 60_000], id="nothing but line ends"),
    ],
)
async def test_a_long_head_is_refused_as_it_comes(sent: list[bytes]) -> None:
    async with opened() as (address, _):
        received = await exchange(address.http, *sent)
    assert received.startswith(b"HTTP/1.1 431 ")
    (error,) = json.loads(received.partition(b"\r\n\r\n")[2]).values()
    assert (error["code"], error["status"]) == (431, "INVALID_ARGUMENT")
    assert error["message"] == "the headers are longer than 16384 bytes"
    (info,) = error["details"]
    assert (info["reason"], info["metadata"]) == ("HEADERS_TOO_LARGE", {"limit": "16384"})


async def test_no_more_of_a_head_is_read_than_may_be() -> None:
    async with opened() as (address, _):
        host, _, port = address.http.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(GET + b"x: ")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 64 * MIB:
                writer.write(b"a" * MIB)
                await writer.drain()
                sent += MIB
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    assert sent < 16 * MIB  # what the system's buffers hold; then it is closed


async def test_headers_behind_a_body_are_dropped_and_bounded() -> None:
    head = f"POST /v1/{PARENT}/scans HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n".encode()
    head += b"x-before: 1\r\nconnection: close\r\n\r\n"
    behind = b"2\r\n{}\r\n0\r\nx-behind: 1\r\n"
    async with opened() as (address, scanner):
        received = await exchange(address.http, head + behind + b"\r\n")
        assert received.startswith(b"HTTP/1.1 200 ")
        (metadata,) = scanner.metadata
        assert {"x-before", "x-behind"} & set(metadata) == {"x-before"}
        flood = [b"x: " + b"a" * 30_000 + b"\r\n"] * 40
        assert await exchange(address.http, head + behind, *flood) == b""
        assert len(scanner.metadata) == 1


# Slowness


@pytest.mark.parametrize(
    ("begin", "each"),
    [
        pytest.param(b"", b"", id="silence"),
        pytest.param(GET + b"x: ", b"a", id="a head byte by byte"),
        pytest.param(b"", b"\r\n", id="line ends"),
        pytest.param(
            b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
            b"",
            id="a body that stops",
        ),
        pytest.param(GET + b"\r\nGET /v1/", b"a", id="the head of a second request, byte by byte"),
    ],
)
async def test_a_slow_client_is_cut_off(begin: bytes, each: bytes) -> None:
    async with opened(limits=SOON) as (address, _):
        assert 0.2 < await trickle(address.http, begin, each) < 10


async def test_an_idle_connection_is_closed_and_stray_bytes_do_not_keep_it() -> None:
    async with opened(limits=SOON) as (address, _):
        assert 0.8 < await trickle(address.http, GET + b"\r\n", b"") < 10
        assert 0.2 < await trickle(address.http, GET + b"\r\n", b"\r\n") < 10


async def test_silence_on_a_grpc_port_is_cut_off() -> None:
    async with opened(limits=SOON) as (address, _):
        assert await trickle(address.grpc, b"", b"") < 10


async def sent_behind_a_wait(seconds: str, begin: bytes, rest: bytes) -> bytes:
    """Sends a Wait and what follows it at once, and the rest when the server has read all that."""
    waits = WaitLimit(SOON)
    async with opened(limits=SOON, waits=waits) as (address, scanner):
        name = (await scanner.operations.create(parent=PARENT)).name
        host, _, port = address.http.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        wait = f'{{"timeout": "{seconds}s"}}'
        head = f"POST /v1/{name}:wait HTTP/1.1\r\nhost: x\r\ncontent-length: {len(wait)}\r\n\r\n"
        writer.write((head + wait).encode() + begin)
        while not waits._all:
            await asyncio.sleep(0.01)
        writer.write(rest)
        received = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        await writer.wait_closed()
    return received


async def test_a_call_that_waits_is_not_slow() -> None:
    # Nor is the stray line end behind it a slow request.
    received = await sent_behind_a_wait("1", b"", b"\r\n")
    assert received.startswith(b"HTTP/1.1 200 ")


async def test_a_request_may_queue_behind_a_call_that_waits() -> None:
    body = b"{" + b" " * 199_998 + b"}"
    begin = b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    begin += b"content-length: %d\r\n\r\n" % len(body) + body[:150_000]
    # Of so much the server reads no more until the first is answered: the client is not to blame.
    received = await sent_behind_a_wait("1", begin, body[150_000:])
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.count(b"HTTP/1.1 404 ") == 1


async def test_a_request_that_queues_may_await_leave_to_send_its_body() -> None:
    begin = b"POST /v1/operations/x:cancel HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n"
    received = await sent_behind_a_wait("1", begin + b"expect: 100-continue\r\n\r\n", b"")
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"HTTP/1.1 100 Continue\r\n\r\n")


async def test_a_body_may_take_long_if_it_keeps_coming() -> None:
    async with opened(limits=TransportLimits(pause_seconds=2)) as (address, _):
        assert (await slow_body(address.http)).startswith(b"HTTP/1.1 404 ")


# Connections


async def until_closed(reader: asyncio.StreamReader) -> None:
    """Returns when a connection is closed, whatever comes before: a gRPC port greets."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1000):
            pass


@pytest.mark.parametrize("protocol", ["grpc", "http"])
async def test_connections_above_the_limit_are_closed(protocol: str) -> None:
    async with opened(limits=TransportLimits(connections=2)) as (address, _):
        host, _, port = getattr(address, protocol).rpartition(":")
        made = []
        for _ in range(3):
            made.append(await asyncio.open_connection(host, int(port)))
            await asyncio.sleep(0)
        ending = [asyncio.create_task(until_closed(reader)) for reader, _ in made]
        closed, held = await asyncio.wait(ending, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert (len(closed), len(held)) == (1, 2)
        closed, held = await asyncio.wait(held, timeout=0.5)
        assert (len(closed), len(held)) == (0, 2)
        for _, writer in made:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await asyncio.wait(ending)


# What a gRPC connection is asked, and asks

_SETTINGS, _PING, _GOAWAY = 4, 6, 7
_TOO_MUCH = 0xB  # ENHANCE_YOUR_CALM


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + bytes(4) + payload


async def frames_until_closed(address: str) -> list[int]:
    """Opens a gRPC connection, says nothing more, and returns the kinds of frames that come."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, b""))
    kinds = []
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = await asyncio.wait_for(reader.readexactly(9), 20)
            await reader.readexactly(int.from_bytes(head[:3]))
            kinds.append(head[3])
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return kinds


async def test_a_client_that_is_gone_without_a_word_is_found_out() -> None:
    async with opened(limits=TransportLimits(silence_seconds=1, answer_seconds=1)) as (address, _):
        assert _PING in await frames_until_closed(address.grpc)


async def test_a_grpc_connection_without_a_call_is_told_to_go() -> None:
    async with opened(limits=TransportLimits(idle_channel_seconds=0.5)) as (address, _):
        assert _GOAWAY in await frames_until_closed(address.grpc)


async def ping(address: str, pause: Callable[[], Awaitable[None]], count: int) -> tuple[int, int]:
    """Pings a gRPC port; returns how often it answers, and the error that it ends with, or -1."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(_SETTINGS, 0, b""))
    answers, error = 0, -1
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        for number in range(count):
            writer.write(frame(_PING, 0, struct.pack(">Q", number)))
            await writer.drain()
            while True:
                head = await asyncio.wait_for(reader.readexactly(9), 20)
                payload = await reader.readexactly(int.from_bytes(head[:3]))
                if head[3] == _GOAWAY:
                    error = int.from_bytes(payload[4:8])
                    assert payload[8:] == b"too_many_pings"
                if head[3] == _PING and head[4] & 1:
                    answers += 1
                    break
            await pause()  # behind the answer: when the server has seen that it came
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return answers, error


async def test_a_client_that_floods_a_connection_with_pings_is_cut_off() -> None:
    async with opened() as (address, _):
        answers, error = await ping(address.grpc, lambda: asyncio.sleep(0), 50)
    assert error == _TOO_MUCH
    assert answers < 10


async def test_a_client_may_ping_now_and_then_without_a_call() -> None:
    async with opened(limits=TransportLimits(ping_seconds=0.05)) as (address, _):
        assert await ping(address.grpc, lambda: asyncio.sleep(0.2), 8) == (8, -1)
