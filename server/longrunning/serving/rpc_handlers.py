"""The handlers of a gRPC server, collected before there is one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import grpc.aio
from google.protobuf import descriptor_pool

from longrunning.interception import HandlerInterceptor

Methods = dict[str, dict[str, Any]]
"""Handlers by service and by method."""


class RpcHandlers:
    """Takes servicers as a server does, and makes a server of them.

    A server asks its interceptors at each call, which costs more than most of them do. The
    innermost ones that only put something around handlers do it here, once.
    """

    def __init__(self) -> None:
        self._methods: Methods = {}
        self._others: list[grpc.GenericRpcHandler] = []

    @property
    def services(self) -> tuple[str, ...]:
        """The names of the services, as far as they are known."""
        return tuple(self._methods)

    def add_generic_rpc_handlers(
        self, generic_rpc_handlers: Iterable[grpc.GenericRpcHandler]
    ) -> None:
        """Takes handlers, of which some say the name of their service."""
        for generic in generic_rpc_handlers:
            if isinstance(generic, grpc.ServiceRpcHandler):
                found = _handlers_of(generic)
                if found is not None:
                    self._methods.setdefault(generic.service_name(), {}).update(found)
                    continue
            self._others.append(generic)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Takes the handlers of a service by the names of their methods."""
        self._methods.setdefault(service, {}).update(handlers)

    def server(
        self,
        interceptors: Sequence[grpc.aio.ServerInterceptor],
        options: Sequence[tuple[str, Any]],
    ) -> grpc.aio.Server:
        """Returns a server of what was taken.

        Args:
            interceptors: outermost first.
            options: of the server.
        """
        asked, methods = list(interceptors), self._methods
        while asked and not self._others and isinstance(asked[-1], HandlerInterceptor):
            intercepted = _intercepted(methods, asked[-1])
            if intercepted is None:
                break
            methods = intercepted
            del asked[-1]
        server = grpc.aio.server(interceptors=asked, options=options)
        for service, handlers in methods.items():
            # Both, as generated code does: aio servers of grpcio 1.72 know generic ones only, and
            # later ones find the registered ones sooner.
            server.add_registered_method_handlers(service, handlers)
            generic = grpc.method_handlers_generic_handler(service, handlers)
            server.add_generic_rpc_handlers((generic,))
        server.add_generic_rpc_handlers(self._others)
        return server


def _handlers_of(generic: grpc.ServiceRpcHandler) -> dict[str, Any] | None:
    """Returns a service's handlers by method, or None if nobody knows its methods."""
    service = generic.service_name()
    try:
        descriptor = descriptor_pool.Default().FindServiceByName(service)
    except KeyError:
        return None
    handlers = {
        method.name: generic.service(_Asked(f"/{service}/{method.name}"))
        for method in descriptor.methods
    }
    # None of them: then it answers others, which no descriptor names.
    return {name: handler for name, handler in handlers.items() if handler is not None} or None


class _Asked(grpc.HandlerCallDetails):
    """The call of somebody who only asks for the handler."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.invocation_metadata = ()


def _intercepted(methods: Methods, interceptor: HandlerInterceptor) -> Methods | None:
    """Returns handlers with an interceptor around each, or None if it has to be asked."""
    intercepted: Methods = {}
    for service, handlers in methods.items():
        around = {
            name: interceptor.intercept_handler(f"/{service}/{name}", handler)
            for name, handler in handlers.items()
        }
        if None in around.values():
            return None
        intercepted[service] = around
    return intercepted
