"""A real HTTP server of keys and of introspection, on loopback."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # many ask at once


class AuthorizationServer:
    """Answers `GET /jwks` and `POST /introspect`.

    Attributes:
        jwks: what it publishes.
        tokens: what introspection says of the tokens that are known.
        fetches: how often the keys were fetched.
        asked: the tokens that it was asked about, in order.
        credentials: the `Authorization` headers of whoever asked.
        fault: takes the place of every answer, if there is one: writes to the handler.
        most_under_way: how many waited for an answer at one time, at most.
        held: while it is not set, nobody is answered.
    """

    def __init__(self) -> None:
        self.jwks: dict[str, Any] = {"keys": []}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.fetches = 0
        self.asked: list[str] = []
        self.credentials: list[str | None] = []
        self.fault: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.under_way = self.most_under_way = 0
        counting = threading.Lock()
        self.held = threading.Event()
        self.held.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.fetches += 1
                self.answer(lambda: server.jwks)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                (token,) = form["token"]
                server.asked.append(token)
                server.credentials.append(self.headers["authorization"])
                self.answer(lambda: server.tokens.get(token, {"active": False}))

            def answer(self, value: Callable[[], object]) -> None:
                with counting:
                    server.under_way += 1
                    server.most_under_way = max(server.most_under_way, server.under_way)
                server.held.wait(30)
                with counting:
                    server.under_way -= 1
                if server.fault:
                    server.fault(self)
                else:
                    send(self, 200, json.dumps(value()).encode())

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self.held.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    try:
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    except ConnectionError:
        pass  # whoever asked has gone away


def answers(status: int, body: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, status, body)


FAULTS = {
    "an error": answers(500, b"{}"),
    "wrong credentials": answers(401, b"{}"),
    "garbage": answers(200, b"<html>"),
    "no object": answers(200, b"[1]"),
    "too much": answers(200, b'{"active": true, "x": "' + b"x" * 300_000 + b'"}'),
    "deep": answers(200, b"[" * 100_000),
    "a redirect": answers(302, b""),
    "nothing": lambda handler: handler.connection.close(),
}
