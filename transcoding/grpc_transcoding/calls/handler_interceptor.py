"""Interceptors whose work on a handler is the same for every call of its method."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from grpc_transcoding.calls.servicers import Handler


@runtime_checkable
class HandlerInterceptor(Protocol):
    """An async interceptor that can do its work once, and need not be asked at each call.

    What stands behind it must be of this kind, too: an interceptor that is asked at each call may
    answer with another handler each time.
    """

    def intercept_handler(self, method: str, handler: Handler) -> Handler | None:
        """Returns what `intercept_service` makes of a handler, at whichever call.

        Args:
            method: `/pkg.Service/Method`.
            handler: What stands behind the interceptor.

        Returns:
            A handler that streams as the method does, or None to be asked at each call.
        """
        ...
