"""The server that a command talks to: its channel, its stub, and its refusals as sentences."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar, cast

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from longrunning.commands.connection import Address, Connection
from longrunning.commands.credentials import bearer_token, channel_credentials
from longrunning.commands.failure import Failure, one_line
from longrunning.commands.message_types import MessageTypes

CALL_TIMEOUT = 30.0
"""How long a call may take that says nothing else, in seconds."""

_RECONNECT = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


class Remote:
    """A connected server.

    Attributes:
        operations: the stub of google.longrunning.Operations.
        types: the message types that the server's replies may hold.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self.operations = operations_pb2_grpc.OperationsStub(channel)
        self.types = MessageTypes(channel)
        self._connection = connection

    def get(self, name: str) -> operations_pb2.Operation:
        """GetOperation."""
        return self.operations.GetOperation(operations_pb2.GetOperationRequest(name=name))

    def failure(self, error: grpc.RpcError) -> Failure:
        """Say in one line why a call did not succeed, and what would help."""
        code, message = error.code(), one_line(error.details() or "")
        address = self._connection.address
        if code is grpc.StatusCode.UNAVAILABLE and not answered(error):
            reason = message.rpartition("last error: ")[2] or "no reason given"
            return Failure(f"cannot reach {address}: {self._to_check()} ({reason})")
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and not answered(error):
            return Failure(
                f"the server at {address} did not answer within {CALL_TIMEOUT:g} s; "
                "is the address (--address, LRO_ADDRESS) right?"
            )
        if code is grpc.StatusCode.UNIMPLEMENTED and not answered(error):
            return Failure(f"the server at {address} does not offer this: {message} ({code.name})")
        if code is grpc.StatusCode.UNAUTHENTICATED and self._connection.token_file is None:
            return Failure(
                f"{message or 'the server wants to know who calls'} ({code.name}); "
                "pass a token with --token-file or LRO_TOKEN_FILE"
            )
        return Failure(f"{message or 'the server gave no reason'} ({code.name})")

    def _to_check(self) -> str:
        """Ask what may be in the way of a connection: the handshake itself hardly says."""
        if not self._connection.secure:
            return "is the server running there (--address, LRO_ADDRESS), and without TLS (--ca)?"
        check = "does the server speak TLS, with a certificate for this host that --ca covers"
        if self._connection.cert is None:
            return f"{check}, and without asking for a certificate of ours (--cert, --key)?"
        return f"{check}, and does it trust the authority of --cert?"


@contextmanager
def connected(connection: Connection) -> Iterator[Remote]:
    """Connect as the options say; a refused call inside the block becomes a Failure.

    Nothing is sent before the first call.

    Raises:
        Failure: an option is wrong, the server cannot be reached, or it refused a call.
    """
    with _channel(connection) as channel:
        remote = Remote(channel, connection)
        try:
            yield remote
        except grpc.RpcError as error:
            raise remote.failure(error) from None


def answered(error: grpc.RpcError) -> bool:
    """Whether the server itself wrote this error, rather than the way to it.

    A server that follows AIP-193 sends an ErrorInfo with every error.
    """
    try:
        status = rpc_status.from_call(cast("grpc.Call", error))
    except ValueError:  # the details contradict the code: somebody wrote them
        return True
    return status is not None and any(
        detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR) for detail in status.details
    )


def _channel(connection: Connection) -> grpc.Channel:
    address = Address.parse(connection.address)
    credentials, token = channel_credentials(connection), bearer_token(connection)
    # A proxy is the way out; this machine is reached without one.
    options = [*_RECONNECT, ("grpc.enable_http_proxy", int(not address.loopback))]
    if credentials is None:
        channel = grpc.insecure_channel(address.target, options)
    else:
        channel = grpc.secure_channel(address.target, credentials, options)
    return grpc.intercept_channel(channel, _Caller(token))


class _CallDetails(NamedTuple):
    """What gRPC wants back from an interceptor; its own class is not public."""

    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: grpc.Compression | None


_Request = TypeVar("_Request")
_Call = TypeVar("_Call")
_Continuation = Callable[[grpc.ClientCallDetails, _Request], _Call]


class _Caller(grpc.UnaryUnaryClientInterceptor, grpc.StreamStreamClientInterceptor):
    """Puts the token and a timeout on every call; reflection is a stream of them."""

    def __init__(self, token: str | None) -> None:
        self._headers = (("authorization", f"Bearer {token}"),) if token else ()

    def _details(self, given: grpc.ClientCallDetails) -> grpc.ClientCallDetails:
        details = _CallDetails(
            method=given.method,
            timeout=CALL_TIMEOUT if given.timeout is None else given.timeout,
            metadata=(*(given.metadata or ()), *self._headers),
            credentials=given.credentials,
            wait_for_ready=given.wait_for_ready,
            compression=given.compression,
        )
        return cast("grpc.ClientCallDetails", details)

    def intercept_unary_unary(
        self,
        continuation: _Continuation[_Request, _Call],
        client_call_details: grpc.ClientCallDetails,
        request: _Request,
    ) -> _Call:
        return continuation(self._details(client_call_details), request)

    def intercept_stream_stream(
        self,
        continuation: _Continuation[Iterator[_Request], _Call],
        client_call_details: grpc.ClientCallDetails,
        request_iterator: Iterator[_Request],
    ) -> _Call:
        return continuation(self._details(client_call_details), request_iterator)
