"""The one place where an error becomes a `google.rpc.Status`, and a status ends an RPC.

Spec: AIP-193, google/rpc/status.proto
"""

from typing import NoReturn

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from longrunning.errors import OperationsError

_TRAILER_BYTES = (
    6 * 1024
)  # of the 8 KiB from which on gRPC may refuse, with room for others' trailers


def status_of(error: OperationsError, domain: str) -> status_pb2.Status:
    """Returns the status of an error, with ErrorInfo first among its details.

    Args:
        error: what went wrong.
        domain: the `ErrorInfo.domain` of the service, such as `scanner.example.com`.
    """
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata)
    status = status_pb2.Status(code=error.code, message=error.message)
    for detail in (info, *error.details):
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


async def abort(
    context: grpc.aio.ServicerContext[Message, Message], error: OperationsError, domain: str
) -> NoReturn:
    """Ends the RPC with an error; its details travel in `grpc-status-details-bin`.

    gRPC resets a call whose trailers are too long, so what is too long for them is shortened.
    """
    await context.abort(*_parts(error, domain))
    raise AssertionError("abort returned")


def abort_sync(context: grpc.ServicerContext, error: OperationsError, domain: str) -> NoReturn:
    """Ends an RPC of a sync server as `abort` does."""
    code, message, trailers = _parts(error, domain)
    context.set_trailing_metadata(trailers)
    context.abort(code, message)
    raise AssertionError("abort returned")


def _parts(
    error: OperationsError, domain: str
) -> tuple[grpc.StatusCode, str, tuple[tuple[str, str | bytes], ...]]:
    """Returns the code, the message and the trailers that end an RPC."""
    status = rpc_status.to_status(_fitted(status_of(error, domain)))
    # Over HTTP the challenge becomes the header of that name.
    challenge = (("www-authenticate", error.challenge),) if error.challenge else ()
    return status.code, status.details, (*(status.trailing_metadata or ()), *challenge)


def _fitted(status: status_pb2.Status) -> status_pb2.Status:
    """Returns a status that fits into the trailers of a call."""
    if _trailer_bytes(status) <= _TRAILER_BYTES:
        return status
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    for key, value in info.metadata.items():
        info.metadata[key] = _shortened(value, 100)
    for characters in (500, 100):
        fitted = status_pb2.Status(code=status.code, message=_shortened(status.message, characters))
        fitted.details.add().Pack(info)
        if _trailer_bytes(fitted) <= _TRAILER_BYTES:
            break
    return fitted


def _trailer_bytes(status: status_pb2.Status) -> int:
    """Returns how long the trailers of a status are.

    The message stands there twice: percent-encoded, and in the details, which are base64.

    Spec: gRPC over HTTP2, "Responses"
    """
    percent_encoded = sum(1 if 0x20 <= byte <= 0x7E else 3 for byte in status.message.encode())
    serialized: int = status.ByteSize()
    return percent_encoded + serialized * 4 // 3


def _shortened(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters]}..."
