"""A handler is guarded once, and never in the place of another one."""

from typing import Any

import grpc

from longrunning.servicer.guarded_handlers import GuardedHandlers


def handler() -> Any:
    # Handlers are tuples: two of the same function are equal, and still not the same.
    return grpc.unary_unary_rpc_method_handler(lambda request, context: request)


def test_a_handler_that_is_found_again_is_guarded_once() -> None:
    made: list[Any] = []

    def guard(handler: Any) -> Any:
        made.append(handler)
        return ("guarded", handler)

    handlers, one, other = GuardedHandlers(guard), handler(), handler()
    for _ in range(3):
        assert handlers.of("/a.B/One", one) == ("guarded", one)
        assert handlers.of("/a.B/Other", other) == ("guarded", other)
    assert [id(each) for each in made] == [id(one), id(other)]


def test_a_handler_made_for_one_call_is_not_used_for_the_next() -> None:
    handlers = GuardedHandlers(lambda handler: ("guarded", id(handler)))
    calls = [handler() for _ in range(3)]
    for each in (*calls, *reversed(calls)):
        assert handlers.of("/a.B/One", each) == ("guarded", id(each))


def test_methods_without_end_are_not_kept_without_end() -> None:
    handlers, one = GuardedHandlers(id), handler()
    for number in range(5000):
        assert handlers.of(f"/a.B/{number}", one) == id(one)
    assert len(handlers._kept) <= 1024
