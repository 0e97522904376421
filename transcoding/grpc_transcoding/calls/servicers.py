"""The servicers that were added, as a grpc server keeps them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from grpc_transcoding.calls.metadata import Metadatum
from grpc_transcoding.calls.outcome import CallFailure
from grpc_transcoding.calls.servicer_context import CallSource

_ASYNC_FLAGS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR

# grpc's handlers carry functions of any signature: their own type information says Any.
Handler = Any


class _Nobody:
    """Who asks for a handler before any call."""

    def metadata(self) -> tuple[Metadatum, ...]:
        return ()

    def peer(self) -> str:
        return "unknown:"

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {}


_NOBODY = _Nobody()


class CallDetails(grpc.HandlerCallDetails):
    """The method and metadata of a call, as interceptors see them.

    The metadata is made when it is asked for.
    """

    def __init__(self, method: str, source: CallSource) -> None:
        self.method = method
        self._source = source

    @property
    def invocation_metadata(self) -> Any:  # type: ignore[override] # nobody writes it
        """The request's headers as metadata."""
        return self._source.metadata()


class PreparedHandler:
    """A handler, and what can be told of it before a call.

    Attributes:
        handler: As grpc has it.
        behaviour: The function that its arity says is there.
        is_async: Whether that is a coroutine function or an async generator function.
        deserializes_by: The class whose FromString is its deserializer, or None.
    """

    __slots__ = ("behaviour", "deserializes_by", "handler", "is_async")

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.behaviour = behaviour_of(handler)
        self.is_async = is_async(self.behaviour)
        self.deserializes_by = getattr(handler.request_deserializer, "__self__", None)

    def argument_for(self, request: Message) -> Any:
        """Returns a request as the handler wants it.

        Usually that is the message itself; a handler with a deserializer of its own (proto-plus,
        plain bytes) gets what that makes of it.
        """
        if self.deserializes_by is type(request):
            return request
        raw = request.SerializeToString()
        deserializer = self.handler.request_deserializer
        return raw if deserializer is None else deserializer(raw)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RpcMethod:
    """A method that can be called.

    Attributes:
        descriptor: As the .proto file declares it.
        path: `/pkg.Service/Method`.
        request_class: The class of its requests.
        response_class: The class of its replies.
        handler: What answers it, if that cannot change from call to call.
    """

    descriptor: MethodDescriptor
    path: str
    request_class: type[Message]
    response_class: type[Message]
    handler: Handler = None

    @classmethod
    def of(cls, descriptor: MethodDescriptor, handler: Handler = None) -> RpcMethod:
        """Returns a method with the message classes of its descriptor's pool."""
        path = f"/{descriptor.containing_service.full_name}/{descriptor.name}"
        request_class = message_factory.GetMessageClass(descriptor.input_type)
        method = cls(
            descriptor=descriptor,
            path=path,
            request_class=request_class,
            response_class=message_factory.GetMessageClass(descriptor.output_type),
            handler=handler,
        )
        if handler is not None:
            check_streaming(method, handler)
        return method


class Servicers:
    """Takes servicers the way a grpc server does, and finds their handlers.

    Args:
        pool: Where the descriptors of their services are looked up.
    """

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._registered: dict[str, Handler] = {}
        self._generic: list[Any] = []
        self._services: dict[str, None] = {}  # an ordered set

    def add_registered_method_handlers(
        self, service_name: str, method_handlers: Mapping[str, Handler]
    ) -> None:
        """Adds what the generated code of grpcio-tools from 1.63 on hands over."""
        self._services.setdefault(service_name)
        for name, handler in method_handlers.items():
            self._registered[f"/{service_name}/{name}"] = handler

    def add_generic_rpc_handlers(self, handlers: Iterable[Any]) -> None:
        """Adds what all generated code hands over.

        Raises:
            TypeError: Something is no GenericRpcHandler.
        """
        handlers = tuple(handlers)
        for handler in handlers:
            if not callable(getattr(handler, "service", None)):
                raise TypeError(
                    f"{handler!r} is no grpc.GenericRpcHandler: it has no method 'service'"
                )
        for handler in handlers:
            self._generic.append(handler)
            if isinstance(handler, grpc.ServiceRpcHandler):
                self._services.setdefault(handler.service_name())

    def resolve(self, details: grpc.HandlerCallDetails) -> Handler:
        """Finds the handler of a call, in a grpc server's order, or None."""
        handler = self._registered.get(details.method)
        if handler is not None:
            return handler
        for generic in self._generic:
            handler = generic.service(details)
            if handler is not None:
                return handler
        return None

    def methods(self, further_services: Sequence[str] = ()) -> list[RpcMethod]:
        """Returns every method that some servicer answers.

        Args:
            further_services: Names to ask generic handlers for that do not say what they serve.

        Raises:
            LookupError: A servicer's service is not in the descriptor pool.
        """
        methods = []
        names = dict.fromkeys((*self._services, *further_services))
        for name in names:
            service = self._find_service(name, required=name in self._services)
            for descriptor in service.methods if service else ():
                handler = self.resolve(CallDetails(f"/{name}/{descriptor.name}", _NOBODY))
                if handler is None and name not in self._services:
                    continue
                is_fixed = name in self._services
                methods.append(RpcMethod.of(descriptor, handler if is_fixed else None))
        return methods

    def _find_service(self, name: str, *, required: bool) -> ServiceDescriptor | None:
        try:
            found: ServiceDescriptor = self._pool.FindServiceByName(name)
        except KeyError:
            if not required:
                return None
            raise LookupError(
                f"the service {name!r} is not in the descriptor pool: import the _pb2 module of its"
                " .proto file, or pass the pool that has it as descriptor_pool="
            ) from None
        return found

    def colours(self) -> dict[str, bool | None]:
        """Returns, per service, whether its handlers are async (True), sync (False), or both."""
        colours: dict[str, bool | None] = {}
        for service in self._services:
            descriptor = self._find_service(service, required=True)
            assert descriptor is not None
            behaviours = [
                behaviour_of(handler)
                for method in descriptor.methods
                if (handler := self.resolve(CallDetails(f"/{service}/{method.name}", _NOBODY)))
            ]
            # A method that is left to the generated class is sync in async servicers, too.
            own = [b for b in behaviours if not b.__module__.endswith("_pb2_grpc")]
            kinds = {is_async(behaviour) for behaviour in own}
            colours[service] = kinds.pop() if len(kinds) == 1 else None
        return colours


def behaviour_of(handler: Handler) -> Any:
    """Returns the function of a handler that its arity says is there."""
    if handler.request_streaming:
        return handler.stream_stream if handler.response_streaming else handler.stream_unary
    return handler.unary_stream if handler.response_streaming else handler.unary_unary


def make_handler(
    request_streaming: bool,
    response_streaming: bool,
    behaviour: Any,
    request_deserializer: Any = None,
    response_serializer: Any = None,
) -> Handler:
    """Returns a handler of a kind."""
    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    make = makers[request_streaming, response_streaming]
    return make(behaviour, request_deserializer, response_serializer)


def with_behaviour(handler: Handler, behaviour: Any) -> Handler:
    """Returns a handler of the same kind and coding with another function."""
    return make_handler(
        bool(handler.request_streaming),
        bool(handler.response_streaming),
        behaviour,
        handler.request_deserializer,
        handler.response_serializer,
    )


def is_async(behaviour: Any) -> bool:
    """Says whether a handler's function is async, as grpc.aio tells it."""
    # What interceptors make anew for every call is a plain `async def`: told at a glance.
    code = getattr(behaviour, "__code__", None)
    if code is not None and code.co_flags & _ASYNC_FLAGS:
        return True
    return inspect.iscoroutinefunction(behaviour) or inspect.isasyncgenfunction(behaviour)


def check_streaming(method: RpcMethod, handler: Handler) -> Handler:
    """Returns a handler that is there and streams as its method is declared.

    Raises:
        CallFailure: There is none: UNIMPLEMENTED, as on a server.
        TypeError: An interceptor has put one in its place that streams otherwise.
    """
    if handler is None:
        raise CallFailure(
            grpc.StatusCode.UNIMPLEMENTED, "Method not found!", reason="METHOD_NOT_IMPLEMENTED"
        )
    declared = method.descriptor
    if (handler.request_streaming, handler.response_streaming) != (
        declared.client_streaming,
        declared.server_streaming,
    ):
        raise TypeError(f"the handler of {method.path} streams otherwise than it is declared")
    return handler


def reply_from(handler: Handler, reply: Any, response_class: type[Message]) -> Message:
    """Returns what a handler replied as a message of the declared type.

    Raises:
        TypeError: It is no such message, and the handler's serializer makes none of it.
    """
    if type(reply) is response_class:
        return reply
    raw = reply
    # A generated serializer takes any message; of another type, its bytes would mean nothing.
    is_other = (
        isinstance(reply, Message)
        and reply.DESCRIPTOR.full_name != response_class.DESCRIPTOR.full_name
    )
    if not isinstance(raw, bytes) and handler.response_serializer is not None and not is_other:
        raw = handler.response_serializer(reply)
    if not isinstance(raw, bytes):
        raise TypeError(
            f"the servicer replied with {type(reply).__name__}, not {response_class.__name__}"
        )
    return response_class.FromString(raw)
