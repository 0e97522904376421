"""Handlers that an interceptor has changed, made once and not for each call."""

from collections.abc import Callable
from typing import Any

_MOST = 1024  # methods; a generic handler may answer to any number of names


class GuardedHandlers:
    """Keeps what an interceptor made of each method's handler.

    A server finds the same handler object again for every call of a method. Where an interceptor
    further in makes a new one for each call, so does this one.

    Args:
        guard: makes the handler that takes another one's place; what it makes must not depend on
            the call.
    """

    def __init__(self, guard: Callable[[Any], Any]) -> None:
        self._guard = guard
        self._kept: dict[str, tuple[Any, Any]] = {}

    def of(self, method: str, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        """Returns what takes a handler's place.

        Args:
            method: `/pkg.Service/Method`, as its call names it.
            handler: what the continuation found.
        """
        known = self._kept.get(method)
        if known is not None and known[0] is handler:
            return known[1]
        guarded = self._guard(handler)
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[method] = (handler, guarded)
        return guarded
