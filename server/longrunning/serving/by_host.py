"""One HTTP port for several services: the Host header says whose door is meant.

Spec: RFC 9110, section 7.2 (Host) and 15.5.20 (421 Misdirected Request); AIP-193
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
            name = door.service_name.lower().encode()
            if self._transcoders.setdefault(name, door.transcoder) is not door.transcoder:
                raise StartupError(
                    f"two of the apps are doors of {door.service_name or 'every operation'}: "
                    "--http-by-host cannot tell them apart; "
                    "give their service files different names"
                )
        self._otherwise: Application = self._transcoders.get(b"", _Unknown(domain))

    async def __call__(self, scope: Event, receive: Receive, send: Send) -> None:
        """Answers one ASGI connection."""
        host = dict(scope.get("headers", ())).get(b"host", b"")
        name = host.rpartition(b":")[0] or host
        await self._transcoders.get(name.lower(), self._otherwise)(scope, receive, send)


class _Unknown:
    """Answers where no service has the name of the host."""

    def __init__(self, domain: str) -> None:
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "HOST_UNKNOWN",
            "domain": domain,
        }
        error = {
            "code": 404,
            "message": "No service of this server has the name that the Host header says.",
            "status": "NOT_FOUND",
            "details": [info],
        }
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
        await send({"type": "http.response.start", "status": 404, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else self._body
        await send({"type": "http.response.body", "body": body})
