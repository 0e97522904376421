"""How many calls may wait: who is counted together, and what those too many are answered."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc.aio
import httpx
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc

from longrunning.auth.caller import Caller, answering
from longrunning.serving import TransportLimits
from longrunning.serving.wait_limit import WaitLimit, caller_key
from tests.longrunning.serving.doors import PARENT, opened


async def reached(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def test_those_too_many_get_the_latest_state_at_once_over_grpc_and_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = TransportLimits(waiters=3, waiters_per_caller=2)
    waits = WaitLimit(limits)
    async with opened(limits=limits, waits=waits) as (address, scanner):
        name = (await scanner.operations.create(parent=PARENT)).name
        path = f"http://{address.http}/v1/{name}:wait"
        elsewhere = [
            httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(local_address=f"127.0.0.{host}"))
            for host in (2, 3)
        ]
        async with (
            grpc.aio.insecure_channel(address.grpc) as channel,
            httpx.AsyncClient(timeout=30) as client,
            elsewhere[0] as second,
            elsewhere[1] as third,
        ):
            stub = operations_pb2_grpc.OperationsStub(channel)
            request = operations_pb2.WaitOperationRequest(name=name)
            over_grpc = stub.WaitOperation(request, timeout=60)
            await reached(lambda: waits._all == 1)
            over_rest = asyncio.create_task(client.post(path, json={}, timeout=60))
            await reached(lambda: waits._all == 2)
            # The same machine, whatever the protocol and the port.
            assert not (await stub.WaitOperation(request, timeout=60)).done
            assert "done" not in (await client.post(path, json={}, timeout=60)).json()
            # Another one has room, until all together have none.
            parked = asyncio.create_task(second.post(path, json={}, timeout=60))
            await reached(lambda: waits._all == 3)
            assert "done" not in (await third.post(path, json={}, timeout=60)).json()
            # Who goes away, or is answered, makes room.
            over_grpc.cancel()
            await reached(lambda: waits._all == 2)
            last = asyncio.create_task(third.post(path, json={}, timeout=60))
            await reached(lambda: waits._all == 3)
            await scanner.operations.succeed(name)
            for answer in await asyncio.gather(over_rest, parked, last):
                assert answer.json()["done"] is True
            assert (waits._all, waits._waiting) == (0, {})
    # One line, however many were answered at once.
    assert [record.getMessage() for record in caplog.records] == [
        "WaitOperation answers at once: 2 calls wait, of at most 3, and 2 of 127.0.0.1, "
        "of at most 2"
    ]


@pytest.mark.parametrize(("trusted", "waiting"), [("127.0.0.1", 2), ("", 1)])
async def test_behind_a_trusted_proxy_each_address_that_it_tells_is_a_caller(
    monkeypatch: pytest.MonkeyPatch, trusted: str, waiting: int
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    limits = TransportLimits(waiters_per_caller=1)
    waits = WaitLimit(limits)
    async with opened(limits=limits, waits=waits) as (address, scanner):
        name = (await scanner.operations.create(parent=PARENT)).name
        path = f"http://{address.http}/v1/{name}:wait"
        async with httpx.AsyncClient(timeout=60) as client:
            parked = []
            for whose in ("203.0.113.7", "203.0.113.8", "203.0.113.8"):
                headers = {"x-forwarded-for": whose}
                parked.append(asyncio.create_task(client.post(path, json={}, headers=headers)))
                await reached(lambda: waits._all == len(parked) or parked[-1].done())
            assert waits._all == waiting
            await scanner.operations.succeed(name)
            await asyncio.gather(*parked)


async def test_a_wait_that_is_refused_is_refused_all_the_same() -> None:
    limits = TransportLimits(waiters=0)
    async with (
        opened(limits=limits) as (address, _),
        grpc.aio.insecure_channel(address.grpc) as channel,
    ):
        stub = operations_pb2_grpc.OperationsStub(channel)
        for name, code in (
            ("operations/x", grpc.StatusCode.NOT_FOUND),
            ("?", grpc.StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.WaitOperation(operations_pb2.WaitOperationRequest(name=name), timeout=20)
            assert refused.value.code() is code


class Call:
    def __init__(self, peer: str, **known: Any) -> None:
        self._peer, self._known = peer, known

    def peer(self) -> str:
        return self._peer

    def auth_context(self) -> dict[str, Any]:
        return self._known


async def test_all_calls_share_one_handler_since_each_keeps_it_as_long_as_it_waits() -> None:
    async def wait(request: object, context: object) -> None: ...

    class Details:
        method = "/google.longrunning.Operations/WaitOperation"

    handler = grpc.unary_unary_rpc_method_handler(wait)

    async def found(details: object) -> object:
        return handler

    limit = WaitLimit(TransportLimits())
    first, second = [await limit.intercept_service(found, Details()) for _ in range(2)]
    assert first is second
    assert first is not handler


@pytest.mark.parametrize(
    ("peer", "key"),
    [
        ("ipv4:127.0.0.1:5000", "127.0.0.1"),
        ("ipv6:%5B2001:db8::1%5D:5000", "2001:db8::/64"),
        ("ipv6:[2001:db8::2]:5000", "2001:db8::/64"),
        ("ipv6:%5B::ffff:10.0.0.1%5D:5000", "10.0.0.1"),
        ("ipv6:%5Bfe80::1%25eth0%5D:5000", "fe80::/64"),
        ("ipv4:nonsense:1", "nonsense"),
        ("unix:/run/lro.sock", "unix"),
        ("unknown:", "unknown"),
    ],
)
def test_a_machine_is_one_caller(peer: str, key: str) -> None:
    assert caller_key(Call(peer)) == key  # type: ignore[arg-type]  # all that is looked at


def test_a_certificate_is_one_caller_wherever_it_comes_from() -> None:
    keys = {
        caller_key(Call(peer, x509_pem_cert=certificates))  # type: ignore[arg-type]  # as above
        for peer, certificates in (
            ("ipv4:127.0.0.1:1", [b"one"]),
            ("ipv4:127.0.0.2:1", (b"one",)),
            ("ipv4:127.0.0.1:1", [b"two"]),
        )
    }
    assert len(keys) == 2
    assert all(key.startswith("certificate ") for key in keys)


def test_whoever_a_token_names_is_one_caller_wherever_he_comes_from() -> None:
    keys = set()
    for peer in ("ipv4:127.0.0.1:1", "ipv4:127.0.0.2:1"):
        for subject in ("alice", "bob", ""):
            with answering(Caller(subject=subject, issuer="https://issuer.example")):
                keys.add(caller_key(Call(peer)))  # type: ignore[arg-type]  # as above
    assert keys == {
        "caller https://issuer.example#alice",
        "caller https://issuer.example#bob",
        "127.0.0.1",
        "127.0.0.2",
    }
