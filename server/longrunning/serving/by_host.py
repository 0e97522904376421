"""One HTTP port for several services: the Host header says whose door is meant.

Spec: RFC 9110, section 7.2 (Host); RFC 3986, section 3.2.2 (a trailing dot); AIP-193
"""

import json
from collections.abc import Sequence

from grpc_transcoding import Transcoder
from longrunning.serving.addresses import StartupError
from longrunning.serving.door import Door
from longrunning.serving.http_server import Application, Event, Receive, Send


class ByHost:
    """Hands each request to the service that its Host names, with or without a port.

    Args:
        doors: those to choose from; the one that shows everything answers all other hosts.
        domain: the `ErrorInfo.domain` of the refusal when there is no such service.

    Raises:
        StartupError: two doors are of the same name.
    """

    def __init__(self, doors: Sequence[Door], domain: str) -> None:
        self._transcoders: dict[bytes, Transcoder] = {}
        for door in doors:
            name = _host_name(door.service_name.encode())
            if self._transcoders.setdefault(name, door.transcoder) is not door.transcoder:
                raise StartupError(
                    f"two of the apps are doors of {door.service_name or 'every operation'}: "
                    "--http-by-host cannot tell them apart; "
                    "give their service files different names"
                )
        unknown = _Refusal(
            404,
            "NOT_FOUND",
            "No service of this server has the name that the Host header says.",
            reason="HOST_UNKNOWN",
            domain=domain,
        )
        self._otherwise: Application = self._transcoders.get(b"", unknown)
        self._ambiguous = _Refusal(
            400,
            "INVALID_ARGUMENT",
            "The request has more than one Host header: send one.",
            reason="HOST_AMBIGUOUS",
            domain=domain,
        )

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answers one ASGI connection."""
        hosts = [value for key, value in scope.get("headers", ()) if key == b"host"]
        host = hosts[0] if hosts else b""
        name = host.rpartition(b":")[0] or host
        chosen = self._transcoders.get(_host_name(name), self._otherwise)
        await (self._ambiguous if len(hosts) > 1 else chosen)(scope, receive, send)


def _host_name(name: bytes) -> bytes:
    """Returns what all spellings of a name have in common: the root's dot may be written."""
    return name.lower().removesuffix(b".")


class _Refusal:
    """Answers where the host does not say which service is meant."""

    def __init__(self, code: int, status: str, message: str, *, reason: str, domain: str) -> None:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": domain,
        }
        error = {"code": code, "message": message, "status": status, "details": [info]}
        self._code = code
        self._body = json.dumps({"error": error}).encode()

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003})
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self._body)),
        ]
        await send({"type": "http.response.start", "status": self._code, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else self._body
        await send({"type": "http.response.body", "body": body})
