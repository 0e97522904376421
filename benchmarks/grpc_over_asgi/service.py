"""Servicers over the gRPC wire protocol, as an ASGI application.

It takes servicers as a grpc server does, and calls them as the transcoder does: by the same
backend, through the same interceptors, with the same context. What it does not do: compress
replies, and send initial metadata before the first message.

Spec: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError, Message

from benchmarks.grpc_over_asgi.frames import Frames
from benchmarks.grpc_over_asgi.reply import Reply
from grpc_transcoding import Limits
from grpc_transcoding.calls.deadlines import timeout_of
from grpc_transcoding.calls.in_process import InProcessBackend
from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import Handler, RpcMethod, Servicers
from grpc_transcoding.errors import TranscodingError
from grpc_transcoding.http.asgi import Receive, Scope, Send
from grpc_transcoding.http.body import BodyReader
from grpc_transcoding.http.request_head import RequestHead
from grpc_transcoding.http.watch import watched

_NO_LIMITS = Limits()


class GrpcService:
    """Answers gRPC calls that come over ASGI.

    Args:
        interceptors: see every call, the first one first.
        limits: of a request; `body_bytes` is that of a message.
    """

    def __init__(
        self,
        *,
        interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
        limits: Limits = _NO_LIMITS,
    ) -> None:
        self._limits = limits
        self._servicers = Servicers(descriptor_pool.Default())
        self._backend = InProcessBackend(self._servicers, interceptors)
        self._methods: dict[bytes, RpcMethod] = {}

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Adds the handlers of one service; generated code calls this."""
        self._servicers.add_registered_method_handlers(service_name, method_handlers)
        self._methods.clear()

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Adds handlers; generated code calls this."""
        self._servicers.add_generic_rpc_handlers(handlers)
        self._methods.clear()

    def build(self) -> None:
        """Looks up the methods.

        Raises:
            LookupError: a service is not in the descriptor pool.
        """
        self._methods = {method.path.encode(): method for method in self._servicers.methods()}

    @property
    def service_names(self) -> list[str]:
        """The services that are answered."""
        methods = self._servicers.methods()
        return list(dict.fromkeys(method.path.split("/")[1] for method in methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one call."""
        if not self._methods:
            self.build()
        call = _Call(self._backend, self._limits, scope, receive, send)
        # OSError is how some servers say that the client is gone.
        with suppress(ClientGoneError, OSError):
            await call.answer(self._methods)


class _Call:
    """One call, from its request to its reply."""

    __slots__ = ("_backend", "_body", "_context", "_limits", "_reply", "_scope")

    def __init__(
        self,
        backend: InProcessBackend,
        limits: Limits,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._backend = backend
        self._limits = limits
        self._scope = scope
        self._body = BodyReader(receive, limits.body_bytes + 5)
        self._reply = Reply(send)
        self._context: TranscodedContext | None = None

    async def answer(self, methods: Mapping[bytes, RpcMethod]) -> None:
        """Makes the call, and sends its reply."""
        try:
            await self._answer(methods)
        except (ClientGoneError, OSError):
            raise
        except Exception as error:
            initial = self._context.initial_metadata if self._context else None
            await self._reply.fail(_failure_of(error), initial)

    async def _answer(self, methods: Mapping[bytes, RpcMethod]) -> None:
        head = RequestHead(self._scope, self._limits)
        method = methods.get(head.raw_path)
        if method is None:
            raise CallFailure(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        seconds = timeout_of(head.named, None)
        deadline = None if seconds is None else time.monotonic() + seconds
        if head.has_binary_metadata:
            head.metadata()  # refuses what is not base64 before the method is called
        frames = Frames(self._scope["headers"], self._limits.body_bytes)
        if method.descriptor.client_streaming:
            messages = _parsed(method, frames.each(self._body.parts()))
            self._context = TranscodedContext(head, deadline, self._write, messages)
            self._body.read_ahead()
            try:
                await self._call(method, messages)
            finally:
                self._body.close()
        else:
            request = _message_of(method, frames.only(await self._body.whole()))
            self._context = TranscodedContext(head, deadline, self._write)
            await self._call(method, request)

    async def _call(self, method: RpcMethod, request: Message | AsyncIterator[Message]) -> None:
        context = self._context
        assert context is not None
        seconds = context.time_remaining()
        if method.descriptor.server_streaming:
            stream = self._backend.stream(method, request, context)
            await watched(stream, self._body, seconds)
            await self._reply.end(context.initial_metadata, context.trailing_metadata())
        else:
            unary = self._backend.unary(method, request, context)
            raw = (await watched(unary, self._body, seconds)).SerializeToString()
            await self._reply.whole(raw, context.initial_metadata, context.trailing_metadata())

    async def _write(self, message: Message) -> None:
        assert self._context is not None
        await self._reply.message(message.SerializeToString(), self._context.initial_metadata)


async def _parsed(method: RpcMethod, messages: AsyncIterator[bytes]) -> AsyncIterator[Message]:
    async for raw in messages:
        yield _message_of(method, raw)


def _message_of(method: RpcMethod, raw: bytes) -> Message:
    try:
        return method.request_class.FromString(raw)
    except DecodeError:
        raise CallFailure(
            grpc.StatusCode.INVALID_ARGUMENT,
            "The request cannot be parsed as a message of its type.",
        ) from None


def _failure_of(error: Exception) -> CallFailure:
    if isinstance(error, CallFailure):
        return error
    if isinstance(error, TranscodingError):
        too_large = error.reason in {"BODY_TOO_LARGE", "HEADERS_TOO_LARGE"}
        return CallFailure(
            grpc.StatusCode.RESOURCE_EXHAUSTED if too_large else error.code, error.message
        )
    return CallFailure(grpc.StatusCode.INTERNAL, "Internal error.")
