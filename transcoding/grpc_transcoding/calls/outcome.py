"""How a call ends when it does not end well."""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from grpc_transcoding.calls.metadata import Metadata
from grpc_transcoding.errors import packed

STATUS_DETAILS = "grpc-status-details-bin"


class CallFailure(Exception):
    """A call that ended with a status other than OK.

    Attributes:
        code: The canonical code.
        message: What the servicer says of it.
        trailers: The trailing metadata; the details are in `grpc-status-details-bin`.
        reason: For programs: UPPER_SNAKE; empty if the servicer chose how the call ends.
    """

    def __init__(
        self, code: grpc.StatusCode, message: str, trailers: Metadata = (), *, reason: str = ""
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.trailers = trailers
        self.reason = reason

    def status(self, domain: str) -> status_pb2.Status:
        """Returns the failure as a google.rpc.Status, with its details if they belong to it.

        Args:
            domain: Of the ErrorInfo of a failure that no servicer chose.

        Spec: grpc-status-details-bin, as grpcio-status reads it: code and message must agree.
        """
        number = self.code.value[0]
        for key, value in self.trailers:
            if key == STATUS_DETAILS and isinstance(value, bytes):
                try:
                    rich = status_pb2.Status.FromString(value)
                except DecodeError:
                    continue
                if rich.code == number:
                    return status_pb2.Status(
                        code=number, message=self.message or rich.message, details=rich.details
                    )
        status = status_pb2.Status(code=number, message=self.message)
        if self.reason:
            info = error_details_pb2.ErrorInfo(reason=self.reason, domain=domain)
            status.details.append(packed(info))
        return status


def deadline_exceeded() -> CallFailure:
    """Returns the end of a call whose time was over."""
    return CallFailure(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "The deadline passed before the reply was ready.",
        reason="DEADLINE_EXCEEDED",
    )


class ClientGoneError(Exception):
    """The HTTP client went away: there is nobody to answer."""
