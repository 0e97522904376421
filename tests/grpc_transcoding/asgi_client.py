"""Drives an ASGI application with exactly the bytes that a test wants."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Answer:
    """What an application sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    chunks: list[bytes] = field(default_factory=list)
    is_complete: bool = False

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error without its details: (code, status, message)."""
        error = self.json["error"]
        return error["code"], error["status"], error["message"]

    @property
    def reason(self) -> str:
        (info,) = (d for d in self.json["error"]["details"] if d["@type"].endswith("ErrorInfo"))
        return info["reason"]


def scope_of(method: str, target: str | bytes, headers=(), **extra):
    raw = target if isinstance(target, bytes) else target.encode()
    path, _, query = raw.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        **extra,
    }


class Conversation:
    """One request, of which the test decides when each part arrives."""

    def __init__(self, app, scope, parts: Iterable[bytes] = (), *, is_whole: bool = True) -> None:
        self.answer = Answer()
        self._events: asyncio.Queue = asyncio.Queue()
        parts = list(parts) or ([b""] if is_whole else [])
        for index, part in enumerate(parts):
            self.feed(part, more=index < len(parts) - 1 or not is_whole)
        self._has_sent = asyncio.Event()
        self.task = asyncio.ensure_future(app(scope, self._events.get, self._send))

    def feed(self, part: bytes, *, more: bool = True) -> None:
        self._events.put_nowait({"type": "http.request", "body": part, "more_body": more})

    def disconnect(self) -> None:
        self._events.put_nowait({"type": "http.disconnect"})

    async def _send(self, event) -> None:
        if event["type"] == "http.response.start":
            self.answer.status = event["status"]
            self.answer.headers = {k.decode(): v.decode("latin-1") for k, v in event["headers"]}
        else:
            self.answer.chunks.append(event.get("body", b""))
            self.answer.is_complete = not event.get("more_body", False)
        self._has_sent.set()

    async def sent(self) -> None:
        """Returns when the application has sent something more."""
        await asyncio.wait_for(self._has_sent.wait(), 20)
        self._has_sent.clear()

    async def end(self) -> Answer:
        await asyncio.wait_for(self.task, 10)
        return self.answer


async def call(
    app, method: str, target: str | bytes, body: object = None, headers=None, **extra
) -> Answer:
    """Makes one request; a body that is no bytes is sent as JSON."""
    sent = {key.lower().encode(): value.encode() for key, value in (headers or {}).items()}
    if body is not None:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault(b"content-type", b"application/json")
        sent.setdefault(b"content-length", str(len(body)).encode())
    scope = scope_of(method, target, sent.items(), **extra)
    return await Conversation(app, scope, [body or b""]).end()
