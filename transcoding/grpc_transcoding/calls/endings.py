"""What every call in this process ends with: its failure, its log, its callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import grpc

from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import TranscodingError

_log = logging.getLogger("grpc_transcoding")
_OUR_OWN = (CallFailure, ClientGoneError, TranscodingError)


def conclude(
    method: RpcMethod, context: TranscodedContext, exception: BaseException | None
) -> CallFailure | None:
    """Ends a call: calls back, logs what a servicer raised, and says how the call failed.

    What it raised goes no further than the log: its text may hold anything.

    Args:
        method: For the log.
        context: Of the call.
        exception: What ended the call, or None.

    Returns:
        The failure to raise in place of the exception, or None to leave it as it is.
    """
    failure = None
    if isinstance(exception, Exception) and not isinstance(exception, _OUR_OWN):
        # Generated code says that a method is not implemented, and raises besides.
        is_said = (
            isinstance(exception, NotImplementedError)
            and context.code() is grpc.StatusCode.UNIMPLEMENTED
        )
        if not context.was_aborted and not is_said:
            kind = type(exception).__name__
            _log.error("%s raised %s", method.path, kind, exc_info=exception)
        failure = context.failure(exception)
    call_back(context.finish(), method, context)
    return failure


def call_back(
    callbacks: Iterable[Callable[[Any], None]], method: RpcMethod, context: TranscodedContext
) -> None:
    """Calls those who wanted to know that the call is over."""
    for callback in callbacks:
        try:
            callback(context)
        except Exception:
            _log.exception("a done callback of %s raised", method.path)


class CallEnding:
    """Concludes the call that is made inside its `with`.

    Args:
        method: For the log.
        context: Of the call.
    """

    __slots__ = ("_context", "_method")

    def __init__(self, method: RpcMethod, context: TranscodedContext) -> None:
        self._method = method
        self._context = context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if (failure := conclude(self._method, self._context, exception)) is not None:
            raise failure from exception
