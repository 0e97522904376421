"""What every call in this process ends with: its failure, its log, its callbacks."""

from __future__ import annotations

import logging
from types import TracebackType
from typing import Self

from grpc_transcoding.calls.outcome import CallFailure, ClientGoneError
from grpc_transcoding.calls.servicer_context import TranscodedContext
from grpc_transcoding.calls.servicers import RpcMethod
from grpc_transcoding.errors import TranscodingError

_log = logging.getLogger("grpc_transcoding")


class ending_of:  # noqa: N801 - used as a statement: `with ending_of(method, context):`
    """Turns what a servicer raised into a CallFailure, and calls back.

    What it raised is logged, and goes no further: its text may hold anything.

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
        context, path = self._context, self._method.path
        failure = None
        if isinstance(exception, Exception) and not isinstance(
            exception, (CallFailure, ClientGoneError, TranscodingError)
        ):
            if not context.was_aborted and not isinstance(exception, NotImplementedError):
                _log.error("%s raised %s", path, type(exception).__name__, exc_info=exception)
            failure = context.failure(exception)
        for callback in context.finish():
            try:
                callback(context)
            except Exception:
                _log.exception("a done callback of %s raised", path)
        if failure is not None:
            raise failure from exception
