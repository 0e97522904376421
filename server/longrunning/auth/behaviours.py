"""Sync methods as gRPC has them, each made to know its caller."""

from collections.abc import Iterator
from typing import Any

from longrunning.auth.caller import Caller, context_of
from longrunning.interception import Behaviour


def answered_for(caller: Caller, behaviour: Behaviour, *, streams: bool) -> Behaviour:
    """Returns a sync method that knows its caller.

    Args:
        caller: who calls.
        behaviour: the method.
        streams: whether it has a stream of replies.
    """
    if streams:

        def stream(request: Any, context: Any) -> Iterator[Any]:  # noqa: ANN401 - any message
            # Each step may be on another thread.
            inside = context_of(caller)
            replies = inside.run(behaviour, request, context)
            end = object()
            while (reply := inside.run(next, replies, end)) is not end:
                yield reply

        return stream

    def call(request: Any, context: Any) -> Any:  # noqa: ANN401 - any message
        return context_of(caller).run(behaviour, request, context)

    return call
