"""What clients learn of a servicer's exception, on sync servers.

Spec: AIP-193
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import grpc
import grpc.aio

from longrunning.interception import Behaviour, behaviour_of, is_left_out, with_behaviour
from longrunning.servicer.exceptions import told
from longrunning.statuses import abort_sync


class SyncErrorInterceptor(grpc.ServerInterceptor):
    """Does for sync servicers what `ErrorInterceptor` does for async ones; put it first.

    Args:
        domain: the `ErrorInfo.domain` of the errors.
    """

    def __init__(self, domain: str = "longrunning") -> None:
        self._domain = domain

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Any],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler with its exceptions caught."""
        handler = continuation(handler_call_details)
        return handler and self.guarded(handler)

    def guarded(self, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        """Returns a sync handler with its exceptions caught."""
        behaviour = behaviour_of(handler)
        if is_left_out(behaviour):
            return handler  # what generated code says, and then raises, gRPC understands
        guard = self._guarded_stream if handler.response_streaming else self._guarded_call
        return with_behaviour(handler, guard(behaviour))

    def _guarded_call(self, behaviour: Behaviour) -> Behaviour:
        def call(request: Any, context: grpc.ServicerContext) -> Any:  # noqa: ANN401 - any message
            try:
                return behaviour(request, context)
            except Exception as error:
                self._end(context, error)

        return call

    def _guarded_stream(self, behaviour: Behaviour) -> Behaviour:
        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: ANN401 - any message
            try:
                yield from behaviour(request, context)
            except Exception as error:
                self._end(context, error)

        return stream

    def _end(self, context: grpc.ServicerContext, error: Exception) -> NoReturn:
        if _is_abort(error):
            raise error
        abort_sync(context, told(error), self._domain)


def _is_abort(error: Exception) -> bool:
    """Whether an exception is that of `context.abort`: a sync server's has no class of its own.

    One that somebody else raised, bare and without a text, has nothing to hide either.
    """
    return isinstance(error, grpc.aio.AbortError) or (type(error) is Exception and not error.args)
