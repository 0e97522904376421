"""What a call is made on: servicers in this process, or a remote server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from google.protobuf.message import Message

from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import TranscodingError

# One message, or the messages of a streamed request.
Request = Message | AsyncIterator[Message]


class Backend(Protocol):
    """Makes calls. Failures are raised as CallFailure; anything else is a fault of ours."""

    async def unary(
        self, method: RpcMethod, request: Request, context: TranscodedContext
    ) -> Message:
        """Calls a method whose reply is one message."""
        ...

    async def stream(self, method: RpcMethod, request: Request, context: TranscodedContext) -> None:
        """Calls a method whose replies go to `context.write`, one by one."""
        ...

    async def refused(
        self, method: RpcMethod, error: TranscodingError, context: TranscodedContext
    ) -> Exception:
        """Returns what to tell the client of a request that is at fault.

        What interceptors have against the call comes first: who may not call a method learns
        nothing of what its requests should look like.
        """
        ...
