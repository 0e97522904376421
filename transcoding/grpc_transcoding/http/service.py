"""One service over HTTP: from an ASGI request to a call, and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import grpc
from google.protobuf.message import Message

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.router import Router, WrongMethod
from grpc_transcoding.calls.backend import Backend, Request
from grpc_transcoding.calls.deadlines import timeout_of
from grpc_transcoding.calls.metadata import Metadatum, to_headers
from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import CallInfo, TranscodedContext
from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.http.asgi import Headers, Receive, Scope, Send
from grpc_transcoding.http.body import BodyReader
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.error_reply import ErrorReplies, Reply
from grpc_transcoding.http.message_stream import read_messages
from grpc_transcoding.http.reply_style import ReplyStyle
from grpc_transcoding.http.reply_writer import ReplyWriter, style_of
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.route_cache import Route, RouteCache
from grpc_transcoding.http.stream_call import stream_replies
from grpc_transcoding.http.stream_reply import EVENTS, framing_for
from grpc_transcoding.http.threads import off_the_loop
from grpc_transcoding.http.watch import watched
from grpc_transcoding.messages.request_body import check_json_type, check_not_encoded
from grpc_transcoding.messages.system_parameters import (
    NO_SYSTEM_PARAMETERS,
    Alt,
    SystemParameters,
    split_parameters,
)
from grpc_transcoding.options import Options
from grpc_transcoding.path_templates.percent import InvalidEscapeError

Parameters = list[tuple[str, str]]


class _Answering(NamedTuple):
    """What is settled of an answer before the method is called."""

    endpoint: Endpoint
    style: ReplyStyle
    info: CallInfo
    body: BodyReader


class HttpService:
    """Answers the HTTP requests of one service.

    Args:
        router: Finds the binding of a request.
        endpoints: What each binding calls.
        backend: Makes the calls.
        options: Of the transcoder.
        writer: Writes replies.
        errors: Writes errors.
        pages: Documents that are served where no method is bound, by path and then by the prefix
            of the mount.
    """

    def __init__(
        self,
        *,
        router: Router,
        endpoints: Mapping[Binding, Endpoint],
        backend: Backend,
        options: Options,
        writer: ReplyWriter,
        errors: ErrorReplies,
        pages: Mapping[bytes, Callable[[str], bytes]],
    ) -> None:
        self._pages = pages
        self._router = router
        self._endpoints = endpoints
        self._backend = backend
        self._options = options
        self._limits = options.limits
        self._writer = writer
        self._errors = errors
        self._routes = RouteCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        try:
            reply = await self._answer(scope, receive, send)
        except ClientGoneError:
            return
        except Exception as error:
            reply = self._errors.of(error)
        if reply is None:
            return  # a stream, and it has been sent
        http_status, headers, body = reply
        if http_status != 204:  # which has no length: it has no body at all
            headers.append((b"content-length", b"%d" % len(body)))
        if scope["method"] == "HEAD":
            body = b""
        with suppress(OSError):  # how some servers say that the client is gone
            await send({"type": "http.response.start", "status": http_status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Reply | None:
        head = RequestHead(scope, self._limits)
        body = BodyReader(receive, self._limits.body_bytes)
        route = self._routes.get(head.method, head.raw_path) or self._route(head)
        if isinstance(route, Reply):
            return route
        endpoint = route.endpoint
        system = NO_SYSTEM_PARAMETERS
        parameters: Parameters = []
        if head.query:
            system, parameters = split_parameters(
                head.parameters(self._limits.query_parameters),
                endpoint.field_names,
                allow_credentials=self._options.credentials_in_query,
            )
        style = style_of(endpoint, head, system)
        seconds = endpoint.policy.deadline
        if head.named:
            seconds = timeout_of(head.named, seconds)
        info = _call_info(head, seconds, system)
        answering = _Answering(endpoint, style, info, body)
        if not endpoint.client_streaming:
            request = await self._request(route, head, parameters, body)
            return await self._answered(answering, request, head, send)
        # What is wrong with path or query is wrong whatever the messages are, and without any.
        endpoint.request_of(route.captures, parameters, None, has_body=False)
        requests = read_messages(
            endpoint,
            route.captures,
            parameters,
            body,
            limits=self._limits,
            content_type=head.named.get(b"content-type"),
            content_encoding=head.named.get(b"content-encoding"),
        )
        body.read_ahead()
        try:
            return await self._answered(answering, requests, head, send)
        finally:
            body.close()

    async def _answered(
        self, answering: _Answering, request: Request, head: RequestHead, send: Send
    ) -> Reply | None:
        endpoint, style, info, body = answering
        seconds = info.time_remaining()  # reading the body has taken its part
        if endpoint.server_streaming:
            return await stream_replies(
                endpoint,
                request,
                info,
                backend=self._backend,
                writer=self._writer,
                errors=self._errors,
                style=style,
                framing=EVENTS if style.alt is Alt.SSE else framing_for(head.named.get(b"accept")),
                body=body,
                seconds=seconds,
                send=send,
                is_head=head.method == "HEAD",
            )
        requests = None if isinstance(request, Message) else request
        context = TranscodedContext(info, requests=requests)
        try:
            call = self._backend.unary(endpoint.rpc, request, context)
            reply = await watched(call, body, seconds)
        except CallFailure as failure:
            initial = to_headers(context.initial_metadata or (), "grpc-metadata-")
            return self._errors.of(failure, initial)
        content_type, data = await self._writer.written(endpoint, reply, style)
        headers: Headers = [(b"content-type", content_type)]
        if context.initial_metadata:
            headers += to_headers(context.initial_metadata, "grpc-metadata-")
        if trailers := context.trailing_metadata():
            headers += to_headers(trailers, "grpc-trailer-")
        return Reply(200, headers, data)

    def _route(self, head: RequestHead) -> Route | Reply:
        try:
            found = self._router.find(head.method, head.raw_path)
        except InvalidEscapeError:
            raise invalid_argument(
                "the path is not UTF-8 once it is percent-decoded", reason="INVALID_PATH_ENCODING"
            ) from None
        path = shortened(head.raw_path.decode("latin-1"))
        if found is None and (page := self._pages.get(head.raw_path)) is not None:
            if head.method in {"GET", "HEAD"}:
                return Reply(200, [(b"content-type", b"application/json")], page(head.root_path))
            found = WrongMethod(allow=("GET", "HEAD", "OPTIONS"))
        if found is None:
            raise TranscodingError(
                grpc.StatusCode.NOT_FOUND,
                f"no method is bound to the path {path}",
                reason="PATH_NOT_BOUND",
                metadata={"path": path},
            )
        if isinstance(found, WrongMethod):
            allow = ", ".join(found.allow)
            if head.method == "OPTIONS":
                return Reply(204, [(b"allow", allow.encode())], b"")
            raise TranscodingError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"the path {path} does not answer {shortened(head.method)}, but {allow}",
                reason="METHOD_NOT_ALLOWED",
                metadata={"allow": allow},
                http_status=405,
                headers=(("allow", allow),),
            )
        route = Route(self._endpoints[found.binding], found.captures)
        self._routes.put(head.method, head.raw_path, route)
        return route

    async def _request(
        self, route: Route, head: RequestHead, parameters: Parameters, body: BodyReader
    ) -> Message:
        endpoint, rule = route.endpoint, route.endpoint.body
        if route.fields is not None and not parameters and not head.has_body:
            return endpoint.rpc.request_class(**route.fields)
        raw = await body.whole() if head.has_body else b""
        if rule.is_http_body:
            check_not_encoded(head.named.get(b"content-encoding"))
            request = endpoint.request_of(route.captures, parameters, None, has_body=False)
            rule.merge_http_body(head.named.get(b"content-type"), raw, request)
            return request
        # Clients send the type of JSON with nothing of that type behind it.
        has_body = bool(raw) and not raw.isspace()
        if has_body:
            check_json_type(head.named.get(b"content-type"), head.named.get(b"content-encoding"))

        def parsed() -> Message:
            value = rule.load(raw) if has_body else None
            return endpoint.request_of(route.captures, parameters, value, has_body=has_body)

        return await off_the_loop(len(raw), parsed)


def _call_info(head: RequestHead, seconds: float | None, system: SystemParameters) -> CallInfo:
    if system.metadata:
        head.further_metadata = tuple(Metadatum(key, value) for key, value in system.metadata)
    info = CallInfo(head, None if seconds is None else time.monotonic() + seconds)
    if head.has_binary_metadata:
        _ = info.metadata  # refuses what is not base64 before the method is called
    return info
