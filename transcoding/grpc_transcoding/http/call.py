"""What one HTTP request asks for: a method, its request, and how the reply is to be written."""

from __future__ import annotations

import time

from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.deadlines import timeout_of
from grpc_transcoding.calls.metadata import Metadatum, check_binary
from grpc_transcoding.http.body import BodyReader
from grpc_transcoding.http.endpoint import Endpoint
from grpc_transcoding.http.message_stream import read_messages
from grpc_transcoding.http.reply_style import ReplyStyle
from grpc_transcoding.http.reply_writer import style_of
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.route_cache import Route
from grpc_transcoding.http.threads import off_the_loop
from grpc_transcoding.messages.request_body import check_json_type, check_not_encoded
from grpc_transcoding.messages.system_parameters import NO_SYSTEM_PARAMETERS, split_parameters
from grpc_transcoding.options import Options

Parameters = list[tuple[str, str]]


class Call:
    """A call that can be made.

    Args:
        endpoint: What is called.
        request: Its message, or its messages.
        style: How the reply is written.
        deadline: When the call must be over, by `time.monotonic`, or None.
    """

    __slots__ = ("deadline", "endpoint", "request", "style")

    def __init__(
        self, endpoint: Endpoint, request: Request, style: ReplyStyle, deadline: float | None
    ) -> None:
        self.endpoint = endpoint
        self.request = request
        self.style = style
        self.deadline = deadline


def bare_call(route: Route, head: RequestHead) -> Call | None:
    """Returns what a request asks for if its path says it all, as a poller's does; or None."""
    endpoint = route.endpoint
    if route.fields is None or not head.is_bare:
        return None
    request = endpoint.rpc.request_class(**route.fields)
    return Call(endpoint, request, endpoint.style, _deadline(endpoint.policy.deadline))


async def read_call(route: Route, head: RequestHead, body: BodyReader, options: Options) -> Call:
    """Reads what a request asks for.

    Raises:
        TranscodingError: It cannot mean what it says.
        ClientGoneError: The client disconnected before the end of the body.
    """
    endpoint = route.endpoint
    system, parameters = NO_SYSTEM_PARAMETERS, Parameters()
    if head.query:
        system, parameters = split_parameters(
            head.parameters(options.limits.query_parameters),
            endpoint.field_names,
            allow_credentials=options.credentials_in_query,
        )
        head.further_metadata = tuple(Metadatum(key, value) for key, value in system.metadata)
    style = style_of(endpoint, head, system)
    deadline = _deadline(timeout_of(head.named, endpoint.policy.deadline))
    if head.has_binary_metadata:
        check_binary(head.headers)
    if not endpoint.client_streaming:
        request = await _message(route, head, parameters, body)
        return Call(endpoint, request, style, deadline)
    # What is wrong with path or query is wrong whatever the messages are, and without any.
    endpoint.request_of(route.captures, parameters, None, has_body=False)
    requests = read_messages(
        endpoint,
        route.captures,
        parameters,
        body,
        limits=options.limits,
        content_type=head.named.get(b"content-type"),
        content_encoding=head.named.get(b"content-encoding"),
    )
    return Call(endpoint, requests, style, deadline)


def _deadline(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


async def _message(
    route: Route, head: RequestHead, parameters: Parameters, body: BodyReader
) -> Message:
    endpoint, rule = route.endpoint, route.endpoint.body
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
