"""Calls of a remote server, over a `grpc.aio.Channel`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from grpc_transcoding.calls.backend import Request
from grpc_transcoding.calls.metadata import Metadata
from grpc_transcoding.calls.outcome import CallFailure, deadline_exceeded
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import TranscodingError

# gRPC writes these itself.
_NOT_SENT = frozenset({"user-agent"})


class RemoteBackend:
    """Passes calls on, with their metadata and deadline; cancelling one cancels the other.

    Args:
        channel: To the server; it stays the caller's to close.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._callables: dict[str, Any] = {}

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        requests = _Requests(request)
        try:
            call = self._begin(method, requests, context)
            reply: Message = await call
            context.initial_metadata = _plain(await call.initial_metadata())
            context.set_trailing_metadata(_plain(await call.trailing_metadata()))
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            raise requests.fault or _failure(error, context) from error
        return reply

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        requests = _Requests(request)
        try:
            call = self._begin(method, requests, context)
            async for reply in call:
                if context.initial_metadata is None:
                    context.initial_metadata = _plain(await call.initial_metadata())
                await context.write(reply)
            context.set_trailing_metadata(_plain(await call.trailing_metadata()))
        except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
            raise requests.fault or _failure(error, context) from error
        finally:
            if not call.done():
                call.cancel()

    async def refused(
        self,
        method: RpcMethod,  # noqa: ARG002 - its interceptors are on the server
        error: TranscodingError,
        context: TranscodedContext,  # noqa: ARG002
    ) -> Exception:
        """Returns what to tell the client of a request at fault, which the server never sees."""
        return error

    def _begin(self, method: RpcMethod, requests: _Requests, context: TranscodedContext) -> Any:
        metadata = tuple(
            (key, value) for key, value in context.invocation_metadata() if key not in _NOT_SENT
        )
        return self._callable(method)(
            requests.argument,
            timeout=context.time_remaining(),
            metadata=metadata,
        )

    def _callable(self, method: RpcMethod) -> Any:
        made = self._callables.get(method.path)
        if made is None:
            declared = method.descriptor
            asks = "stream" if declared.client_streaming else "unary"
            answers = "stream" if declared.server_streaming else "unary"
            made = getattr(self._channel, f"{asks}_{answers}")(
                method.path,
                request_serializer=method.request_class.SerializeToString,
                response_deserializer=method.response_class.FromString,
            )
            self._callables[method.path] = made
        return made


class _Requests:
    """The argument of a call; it keeps what goes wrong while a streamed request is read.

    gRPC itself only cancels a call whose requests raise.
    """

    def __init__(self, request: Request) -> None:
        self.fault: Exception | None = None
        self.argument = request if isinstance(request, Message) else self._watched(request)

    async def _watched(self, messages: AsyncIterator[Message]) -> AsyncIterator[Message]:
        try:
            async for message in messages:
                yield message
        except Exception as fault:
            self.fault = fault
            raise


def _failure(error: BaseException, context: TranscodedContext) -> BaseException:
    if not isinstance(error, grpc.aio.AioRpcError):
        return error
    is_over = context.time_remaining() == 0
    if is_over and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return deadline_exceeded()
    if context.initial_metadata is None:
        context.initial_metadata = _plain(error.initial_metadata())
    return CallFailure(error.code(), error.details() or "", _plain(error.trailing_metadata()))


def _plain(metadata: Any) -> Metadata:
    return tuple((key, value) for key, value in metadata or ())
