"""A server asks at each call only those interceptors that have to be asked."""

from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.longrunning import operations_pb2, operations_pb2_grpc

from longrunning.interception import HandlerInterceptor, behaviour_of, with_behaviour
from longrunning.serving.rpc_handlers import RpcHandlers

GET = "/google.longrunning.Operations/GetOperation"


class Servicer(operations_pb2_grpc.OperationsServicer):  # type: ignore[misc]  # untyped base
    async def GetOperation(self, request: Any, context: Any) -> operations_pb2.Operation:
        return operations_pb2.Operation(name=request.name)


class Adds(HandlerInterceptor):
    """Adds its letter to the name that is asked for."""

    def __init__(self, letter: str, *, at_each_call: bool = False) -> None:
        super().__init__()
        self.letter, self.at_each_call, self.calls = letter, at_each_call, 0

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        self.calls += 1
        handler = await continuation(handler_call_details)
        return handler and self._around(handler)

    def intercept_handler(self, method: str, handler: Any) -> Any:
        return None if self.at_each_call else self._around(handler)

    def _around(self, handler: Any) -> Any:
        behaviour = behaviour_of(handler)

        async def around(request: Any, context: Any) -> Any:
            request.name += self.letter
            return await behaviour(request, context)

        return with_behaviour(handler, around)


class Unknown(grpc.GenericRpcHandler):
    """Answers every method that begins with a name, and does not say which ones there are."""

    def service(self, handler_call_details: Any) -> Any:
        async def answer(request: Any, context: Any) -> Any:
            return request

        if not handler_call_details.method.startswith("/unknown."):
            return None
        kind = operations_pb2.Operation
        return grpc.unary_unary_rpc_method_handler(answer, kind.FromString, kind.SerializeToString)


def registered(target: RpcHandlers) -> None:
    """As the code that grpcio-tools makes since 1.63."""
    operations_pb2_grpc.add_OperationsServicer_to_server(Servicer(), target)


def unregistered(target: RpcHandlers) -> None:
    """As older code."""

    class Target:
        add_generic_rpc_handlers = target.add_generic_rpc_handlers

        def add_registered_method_handlers(self, *_: Any) -> None:
            pass

    operations_pb2_grpc.add_OperationsServicer_to_server(Servicer(), Target())


async def name_of(add: Callable[[RpcHandlers], None], chain: list[Any], method: str = GET) -> str:
    handlers = RpcHandlers()
    add(handlers)
    if method != GET:
        handlers.add_generic_rpc_handlers([Unknown()])
    server = handlers.server(chain, ())
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(
                method,
                operations_pb2.Operation.SerializeToString,
                operations_pb2.Operation.FromString,
            )
            return (await call(operations_pb2.Operation(name="-"), timeout=10)).name
    finally:
        await server.stop(None)


@pytest.mark.parametrize("add", [registered, unregistered])
async def test_interceptors_of_handlers_are_put_around_them_in_order(add: Any) -> None:
    chain = [Adds("a"), Adds("b"), Adds("c")]
    assert await name_of(add, chain) == "-abc"
    assert [each.calls for each in chain] == [0, 0, 0]


async def test_who_stands_before_one_that_has_to_be_asked_is_asked_too() -> None:
    chain = [Adds("a"), Adds("b", at_each_call=True), Adds("c")]
    assert await name_of(registered, chain) == "-abc"
    assert [each.calls for each in chain] == [1, 1, 0]


async def test_handlers_that_nobody_can_list_have_their_interceptors_asked() -> None:
    chain = [Adds("a"), Adds("b")]
    assert await name_of(registered, chain, "/unknown.Service/Method") == "-ab"
    assert [each.calls for each in chain] == [1, 1]


async def test_methods_that_no_descriptor_names_are_served() -> None:
    async def answer(request: Any, context: Any) -> Any:
        return request

    kind = operations_pb2.Operation
    handler = grpc.unary_unary_rpc_method_handler(answer, kind.FromString, kind.SerializeToString)
    service = "google.longrunning.Operations"

    def add(target: RpcHandlers) -> None:
        generic = grpc.method_handlers_generic_handler(service, {"Of2030": handler})
        target.add_generic_rpc_handlers([generic])

    assert await name_of(add, [Adds("a")], f"/{service}/Of2030") == "-a"


def test_the_services_are_known_by_name() -> None:
    handlers = RpcHandlers()
    unregistered(handlers)
    assert handlers.services == ("google.longrunning.Operations",)
