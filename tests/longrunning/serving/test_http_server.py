"""The HTTP half of a process, with an application that says what it was told."""

import socket
from typing import Any

import httpx
import pytest

from longrunning.serving.http_server import HttpServer


async def client_of(scope: Any, _receive: Any, send: Any) -> None:
    body = f"{scope['client'][0]} {scope['scheme']}".encode()
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("trusted", "told"),
    [
        (None, "127.0.0.1 http"),
        ("127.0.0.1", "203.0.113.7 https"),
        ("192.0.2.1", "127.0.0.1 http"),
    ],
)
async def test_only_a_proxy_that_is_trusted_is_believed(
    monkeypatch: pytest.MonkeyPatch, trusted: str | None, told: str
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if trusted:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", trusted)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = HttpServer(client_of, listener, grace=1)
    await server.start()
    try:
        async with httpx.AsyncClient(timeout=30) as client:
            headers = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
            assert (await client.get(url, headers=headers)).text == told
    finally:
        await server.stop()
