"""The end of a chain for a request at fault: who may not call learns nothing of the fault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc

from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.servicers import Handler, RpcMethod, make_handler
from grpc_transcoding.errors import TranscodingError


class Refusal:
    """Stands where the handler of a method would, and refuses what comes.

    Args:
        method: That is called.
        error: What is wrong with the request.
    """

    def __init__(self, method: RpcMethod, error: TranscodingError) -> None:
        self._method = method
        self._error = error
        self._is_reached = False

    def told(self, failure: CallFailure) -> Exception:
        """Returns what the client learns of a call that ended: the fault, if it came this far."""
        return self._error if self._is_reached else failure

    def handler(self, *, is_async: bool) -> Handler:
        """Returns a handler of the method's kind."""
        streams = self._method.descriptor.server_streaming
        if is_async:
            return make_handler(self._method, self._stream if streams else self._call)
        return make_handler(self._method, self._sync_stream if streams else self._sync_call)

    async def _call(self, _request: Any, context: Any) -> None:
        self._is_reached = True
        await context.abort(self._error.code, self._error.message)

    async def _stream(self, request: Any, context: Any) -> AsyncIterator[None]:
        await self._call(request, context)
        yield

    def _sync_call(self, _request: Any, context: grpc.ServicerContext) -> None:
        self._is_reached = True
        context.abort(self._error.code, self._error.message)

    def _sync_stream(self, request: Any, context: grpc.ServicerContext) -> Iterator[None]:
        self._sync_call(request, context)
        yield
