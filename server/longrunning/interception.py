"""Interceptors of aio servers whose work is the same for every call of a method.

Spec: grpc.aio.ServerInterceptor
"""

import abc
from collections.abc import Awaitable, Callable
from typing import Any

import grpc.aio

from longrunning.errors import Unimplemented

_MOST = 1024  # an interceptor further in may make any number of handlers

Behaviour = Callable[..., Any]
"""The function of a handler: async or sync, with one message or a stream of them each way."""


class HandlerInterceptor(grpc.aio.ServerInterceptor):
    """Puts something around the handlers of methods, and the same at each call.

    A server asks its interceptors at each call. Where no other kind of interceptor stands further
    in, what this one does can be done before the first call: `RpcHandlers` does so for servers, and
    a `grpc_transcoding.Transcoder` for itself.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[Any, Any]] = {}

    @abc.abstractmethod
    def intercept_handler(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        """Returns what takes a handler's place, or None if it has to be asked at each call.

        Args:
            method: `/pkg.Service/Method`.
            handler: what stands behind this interceptor.
        """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns what takes the place of the handler of a call."""
        handler: Any = await continuation(handler_call_details)
        return handler and self._intercepted(handler_call_details.method, handler)

    def _intercepted(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - as above
        # A server finds the same handler again for every call of a method; a transcoder that has
        # the same interceptor finds another one.
        key = (method, id(handler))
        known = self._kept.get(key)
        if known is not None and known[0] is handler:
            return known[1]
        intercepted = self.intercept_handler(method, handler)
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[key] = (handler, intercepted)
        return intercepted


def behaviour_of(handler: Any) -> Behaviour:  # noqa: ANN401 - grpc's handlers have no type
    """Returns the function of a handler."""
    if handler.request_streaming:
        behaviour = handler.stream_stream if handler.response_streaming else handler.stream_unary
    else:
        behaviour = handler.unary_stream if handler.response_streaming else handler.unary_unary
    found: Behaviour = behaviour
    return found


def is_left_out(behaviour: Behaviour) -> bool:
    """Whether it is the method of a generated class: its servicer does not implement it."""
    return str(getattr(behaviour, "__module__", "")).endswith("_pb2_grpc")


def left_out() -> Unimplemented:
    """Returns what a call of such a method ends with."""
    return Unimplemented("The method is not implemented.", reason="METHOD_NOT_IMPLEMENTED")


def with_behaviour(
    handler: Any,  # noqa: ANN401 - grpc's handlers have no type
    behaviour: Behaviour,
    request_deserializer: Callable[[bytes], Any] | None = None,
) -> Any:  # noqa: ANN401 - as above
    """Returns a handler of the same kind with another function.

    Args:
        handler: whose kind and coding it has.
        behaviour: the function.
        request_deserializer: in place of the handler's own.
    """
    if handler.request_streaming:
        stream, unary = grpc.stream_stream_rpc_method_handler, grpc.stream_unary_rpc_method_handler
    else:
        stream, unary = grpc.unary_stream_rpc_method_handler, grpc.unary_unary_rpc_method_handler
    return (stream if handler.response_streaming else unary)(
        behaviour,
        request_deserializer or handler.request_deserializer,
        handler.response_serializer,
    )
