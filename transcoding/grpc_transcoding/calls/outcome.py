"""How a call ends when it does not end well."""

from __future__ import annotations

import grpc
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from grpc_transcoding.calls.metadata import Metadata

STATUS_DETAILS = "grpc-status-details-bin"


class CallFailure(Exception):
    """A call that ended with a status other than OK.

    Attributes:
        code: The canonical code.
        message: What the servicer says of it.
        trailers: The trailing metadata; the details are in `grpc-status-details-bin`.
    """

    def __init__(self, code: grpc.StatusCode, message: str, trailers: Metadata = ()) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.trailers = trailers

    def status(self) -> status_pb2.Status:
        """Returns the failure as a google.rpc.Status, with its details if they belong to it.

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
        return status_pb2.Status(code=number, message=self.message)


class ClientGoneError(Exception):
    """The HTTP client went away: there is nobody to answer."""
