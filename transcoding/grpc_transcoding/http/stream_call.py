"""A call with streamed requests or replies."""

from __future__ import annotations

from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Backend
from grpc_transcoding.calls.metadata import to_headers
from grpc_transcoding.calls.outcome import ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.http.asgi import Event, Headers, Send
from grpc_transcoding.http.body import BodyReader
from grpc_transcoding.http.call import Call
from grpc_transcoding.http.error_reply import ErrorReplies, Reply
from grpc_transcoding.http.reply_writer import ReplyWriter
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.stream_reply import EVENTS, StreamReply, framing_for
from grpc_transcoding.http.watch import watched
from grpc_transcoding.messages.system_parameters import Alt


async def stream_replies(
    call: Call,
    head: RequestHead,
    *,
    backend: Backend,
    writer: ReplyWriter,
    errors: ErrorReplies,
    body: BodyReader,
    send: Send,
) -> Reply | None:
    """Makes a call whose replies are streamed, and sends them as they come.

    Returns:
        An ordinary error, if the call failed before anything was sent; nothing if there is a
        stream. A failure after that is the last thing in it.

    Raises:
        ClientGoneError: There is nobody to answer.
    """
    endpoint = call.endpoint

    def headers() -> Headers:
        return to_headers(context.initial_metadata or (), "grpc-metadata-")

    async def write(message: Message) -> None:
        content_type, data = await writer.written(endpoint, message, call.style)
        if endpoint.replies_http_body:
            await reply.raw(data, content_type)
        else:
            await reply.message(data)

    async def send_if_there(event: Event) -> None:
        try:
            await send(event)
        except OSError as error:  # how some servers say that the client is gone
            raise ClientGoneError from error

    framing = EVENTS if call.style.alt is Alt.SSE else framing_for(head.accept)
    reply = StreamReply(send_if_there, framing, headers, is_head=head.method == "HEAD")
    requests = None if isinstance(call.request, Message) else call.request
    context = TranscodedContext(head, call.deadline, write, requests)
    making = backend.stream(endpoint.rpc, call.request, context)
    try:
        await watched(making, body, context.time_remaining())
    except ClientGoneError:
        raise
    except Exception as error:
        if not reply.has_begun:
            return errors.of(error, headers())
        if endpoint.replies_http_body:
            # Bytes of a media type have no place for an error: the reply stays incomplete, which
            # the HTTP server shows by closing the connection.
            errors.body(error)
            return None
        await reply.end(errors.body(error))
    else:
        await (reply.end_raw() if endpoint.replies_http_body else reply.end())
    return None
