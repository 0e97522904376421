"""A served App, asked over gRPC or over REST, with answers that compare."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import grpc
import httpx
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, json_format
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from examples.scanner._gen.scanner_pb2 import ScanRequest

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """How a call ended.

    Attributes:
        code: the canonical code's name.
        message: of the error.
        reason: of its ErrorInfo.
        challenge: `WWW-Authenticate`, None if there is none.
        http_status: None over gRPC.
        value: the reply as JSON, if it is OK.
        raw: everything that the caller got, to be compared.
    """

    code: str
    message: str = ""
    reason: str = ""
    challenge: str | None = None
    http_status: int | None = None
    value: dict[str, Any] = field(default_factory=dict)
    raw: object = None


def bearer(token: str) -> Headers:
    return [("authorization", f"Bearer {token}")]


class Front(Protocol):
    """The five methods, and Scan."""

    async def call(self, method: str, name: str, headers: Headers, **fields: Any) -> Answer:
        """Calls a method by its first word: Get, List, Cancel, Delete, Wait, Scan."""


class GrpcFront:
    _REPLIES: Mapping[str, Any] = {
        "List": operations_pb2.ListOperationsResponse,
        "Cancel": empty_pb2.Empty,
        "Delete": empty_pb2.Empty,
    }

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def call(self, method: str, name: str, headers: Headers, **fields: Any) -> Answer:
        path = f"/google.longrunning.Operations/{method}Operation{'s' if method == 'List' else ''}"
        request: Any
        if method == "Scan":
            path = "/longrunning.examples.scan.v1.Scanner/Scan"
            request = ScanRequest(parent=name, **fields)
        else:
            kind = f"{method}Operation{'s' if method == 'List' else ''}Request"
            request = json_format.ParseDict(
                {"name": name, **fields}, getattr(operations_pb2, kind)()
            )
        reply = self._REPLIES.get(method, operations_pb2.Operation)
        call = self._channel.unary_unary(
            path,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=reply.FromString,
        )(request, metadata=headers, timeout=20)
        try:
            value = json_format.MessageToDict(await call)
            return Answer("OK", value=value)
        except grpc.aio.AioRpcError as error:
            status = rpc_status.from_call(error)
            info = error_details_pb2.ErrorInfo()
            if status is not None:
                status.details[0].Unpack(info)
            trailers = [tuple(entry) for entry in error.trailing_metadata() or ()]
            return Answer(
                error.code().name,
                error.details() or "",
                info.reason,
                str(dict(trailers)["www-authenticate"])
                if "www-authenticate" in dict(trailers)
                else None,
                raw=(
                    error.code(),
                    error.details(),
                    trailers,
                    tuple(error.initial_metadata() or ()),
                ),
            )


class RestFront:
    _VERBS: Mapping[str, str] = {"Get": "GET", "List": "GET", "Delete": "DELETE"}

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def call(self, method: str, name: str, headers: Headers, **fields: Any) -> Answer:
        path = f"/v1/{quote(name)}"
        if method == "List":
            path = f"/v1/{name}/operations" if name else "/v1/operations"
        elif method == "Scan":
            path += "/scans"
        elif method not in self._VERBS:
            path += f":{method.lower()}"
        return await self.request(self._VERBS.get(method, "POST"), path, headers, fields)

    async def request(
        self, verb: str, path: str, headers: Headers, fields: Mapping[str, Any]
    ) -> Answer:
        if verb == "POST":
            reply = await self._client.post(path, json=fields, headers=headers)
        else:
            query = f"?{urlencode(fields)}" if fields else ""
            reply = await self._client.request(verb, path + query, headers=headers)
        body = reply.json()
        if reply.status_code == 200:
            return Answer("OK", http_status=200, value=body)
        error = body["error"]
        sent = [(key, value) for key, value in reply.headers.raw if key != b"date"]
        return Answer(
            error["status"],
            error["message"],
            error["details"][0]["reason"],
            reply.headers.get("www-authenticate"),
            reply.status_code,
            raw=(reply.status_code, sent, json.dumps(body)),
        )
