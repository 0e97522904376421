"""What stands around a handler is put there once, and never around another one."""

from types import SimpleNamespace
from typing import Any

import grpc
import grpc.aio

from longrunning.interception import HandlerInterceptor


class Noting(HandlerInterceptor):
    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Any] = []

    def intercept_handler(self, method: str, handler: Any) -> Any:
        self.asked.append(handler)
        return (method, id(handler))

    async def of(self, method: str, handler: Any) -> Any:
        async def continuation(details: grpc.HandlerCallDetails) -> Any:
            return handler

        details: Any = SimpleNamespace(method=method)
        return await self.intercept_service(continuation, details)


def handler() -> Any:
    # Handlers are tuples: two of the same function are equal, and still not the same.
    return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


async def test_a_handler_that_is_found_again_is_intercepted_once() -> None:
    interceptor, one, other = Noting(), handler(), handler()
    for _ in range(3):
        assert await interceptor.of("/a.B/One", one) == ("/a.B/One", id(one))
        assert await interceptor.of("/a.B/Other", other) == ("/a.B/Other", id(other))
    assert [id(each) for each in interceptor.asked] == [id(one), id(other)]


async def test_a_handler_made_for_one_call_is_not_used_for_the_next() -> None:
    interceptor = Noting()
    calls = [handler() for _ in range(3)]
    for each in (*calls, *reversed(calls)):
        assert await interceptor.of("/a.B/One", each) == ("/a.B/One", id(each))


async def test_a_method_that_nobody_answers_stays_so() -> None:
    assert await Noting().of("/a.B/One", None) is None


async def test_methods_without_end_are_not_kept_without_end() -> None:
    interceptor, one = Noting(), handler()
    for number in range(5000):
        assert await interceptor.of(f"/a.B/{number}", one) == (f"/a.B/{number}", id(one))
    assert len(interceptor._kept) <= 1024
