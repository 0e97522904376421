"""How many calls may wait for operations at a time.

Spec: google.longrunning.Operations.WaitOperation, which may return the latest state at any time
"""

import hashlib
import inspect
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import grpc.aio
from google.longrunning import operations_pb2
from google.protobuf import duration_pb2

from longrunning.auth.caller import caller_of
from longrunning.servicer.guarded_handlers import GuardedHandlers
from longrunning.serving.transport_limits import TransportLimits

_Context = grpc.aio.ServicerContext[Any, Any]

_log = logging.getLogger(__name__)

_METHOD = "/google.longrunning.Operations/WaitOperation"
_QUIET_SECONDS = 60.0


class WaitLimit(grpc.aio.ServerInterceptor):
    """Answers WaitOperation at once, with the latest state, where too many wait already.

    A refusal would fail a caller whose operation is well; an early answer is within the method's
    contract, and whoever follows an operation asks again. Put it last: it counts callers that the
    other interceptors let in. One of it counts for all doors of a process.

    Args:
        limits: how many may wait.
    """

    def __init__(self, limits: TransportLimits) -> None:
        self._limits = limits
        self._waiting: Counter[str] = Counter()
        self._all = 0
        self._handlers = GuardedHandlers(self._counted)
        self._told = -_QUIET_SECONDS

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:  # noqa: ANN401 - grpc-stubs know no handler that is None
        """Returns the method's handler, counted if it is WaitOperation."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or handler_call_details.method != _METHOD:
            return handler
        return self._handlers.of(_METHOD, handler)

    def _counted(self, handler: Any) -> Any:  # noqa: ANN401 - grpc's handlers have no type
        behaviour = handler.unary_unary
        if not inspect.iscoroutinefunction(behaviour):
            return handler

        async def wait(request: operations_pb2.WaitOperationRequest, context: _Context) -> Any:  # noqa: ANN401 - an Operation
            caller = caller_key(context)
            if self._is_full(caller):
                at_once = duration_pb2.Duration()
                return await behaviour(
                    operations_pb2.WaitOperationRequest(name=request.name, timeout=at_once), context
                )
            self._all += 1
            self._waiting[caller] += 1
            try:
                return await behaviour(request, context)
            finally:
                self._all -= 1
                self._waiting[caller] -= 1
                if not self._waiting[caller]:
                    del self._waiting[caller]

        return grpc.unary_unary_rpc_method_handler(
            wait, handler.request_deserializer, handler.response_serializer
        )

    def _is_full(self, caller: str) -> bool:
        limits, own = self._limits, self._waiting.get(caller, 0)
        if self._all < limits.waiters and own < limits.waiters_per_caller:
            return False
        if time.monotonic() - self._told >= _QUIET_SECONDS:
            self._told = time.monotonic()
            _log.warning(
                "WaitOperation answers at once: %d calls wait, of at most %d, and %d of %s, "
                "of at most %d",
                *(self._all, limits.waiters, own, caller, limits.waiters_per_caller),
            )
        return True


def caller_key(context: _Context) -> str:
    """Returns what tells one caller from another: his token, his certificate, or else his address.

    A host is one caller, whatever its port; so is a network of IPv6, of which a host has many
    addresses.

    Args:
        context: of his call, over gRPC or REST.
    """
    caller = caller_of(context)
    if caller and caller.id:
        return f"caller {caller.id}"
    certificates = context.auth_context().get("x509_pem_cert")
    if certificates:
        return f"certificate {hashlib.sha256(next(iter(certificates))).hexdigest()}"
    kind, _, where = unquote(context.peer()).partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return kind
    host = where.rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
