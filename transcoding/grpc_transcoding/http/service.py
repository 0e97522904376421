"""One service over HTTP: from an ASGI request to a call, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import grpc
from google.protobuf.message import Message

from grpc_transcoding.bindings.binding import Binding
from grpc_transcoding.bindings.router import Router, WrongMethod
from grpc_transcoding.calls.backend import Backend
from grpc_transcoding.calls.metadata import to_headers
from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.errors import (
    MisplacedCredentialError,
    TranscodingError,
    invalid_argument,
    shortened,
)
from grpc_transcoding.http.asgi import Headers, Receive, Scope, Send
from grpc_transcoding.http.body import BodyReader
from grpc_transcoding.http.call import bare_call, read_call
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.error_reply import ErrorReplies, Reply
from grpc_transcoding.http.reply_writer import ReplyWriter
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.route_cache import Route, RouteCache
from grpc_transcoding.http.stream_call import stream_replies
from grpc_transcoding.http.watch import watched
from grpc_transcoding.options import Options
from grpc_transcoding.path_templates.percent import InvalidEscapeError

_Sent = tuple[int, Headers, bytes]  # what a `Reply` is: this costs less to make


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
        try:
            await send({"type": "http.response.start", "status": http_status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        except OSError:
            pass  # how some servers say that the client is gone

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> _Sent | None:
        head = RequestHead(scope, self._limits)
        route = self._routes.get(head.method, head.raw_path)
        if route is None:
            found = self._route(head)
            if isinstance(found, Reply):
                return found
            route = found
        body = BodyReader(receive, self._limits.body_bytes)
        try:
            call = bare_call(route, head) or await read_call(route, head, body, self._options)
        except MisplacedCredentialError:
            raise
        except TranscodingError as error:
            raise await self._refused(route.endpoint, head, body, error) from None
        endpoint = call.endpoint
        requests = None if isinstance(call.request, Message) else call.request
        context = TranscodedContext(head, call.deadline, requests=requests)
        if endpoint.client_streaming:
            body.read_ahead()
        try:
            if endpoint.server_streaming:
                return await stream_replies(
                    call,
                    head,
                    backend=self._backend,
                    writer=self._writer,
                    errors=self._errors,
                    body=body,
                    send=send,
                )
            making = self._backend.unary(endpoint.rpc, call.request, context)
            reply = await watched(making, body, context.time_remaining())
        except CallFailure as failure:
            initial = to_headers(context.initial_metadata or (), "grpc-metadata-")
            return self._errors.of(failure, initial)
        finally:
            body.close()
        writer, style = self._writer, call.style
        written = writer.kept(endpoint, reply, style) or await writer.written(
            endpoint, reply, style
        )
        headers: Headers = [(b"content-type", written[0])]
        if context.initial_metadata:
            headers += to_headers(context.initial_metadata, "grpc-metadata-")
        if trailers := context.trailing_metadata():
            headers += to_headers(trailers, "grpc-trailer-")
        return 200, headers, written[1]

    async def _refused(
        self, endpoint: Endpoint, head: RequestHead, body: BodyReader, error: TranscodingError
    ) -> Exception:
        refusing = self._backend.refused(endpoint.rpc, error, TranscodedContext(head))
        return await watched(refusing, body, endpoint.policy.deadline)

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
