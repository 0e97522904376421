"""What can go wrong, as one family of exceptions.

Every error has a canonical code, a machine-readable reason and the variable parts of its message;
the servicer turns it into a gRPC status and the transcoder turns that into HTTP. What the message
says is shown to clients, so it never quotes another library's exception.

Spec: AIP-193, google/rpc/code.proto, google/rpc/error_details.proto
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2


class OperationsError(Exception):
    """The root of every error that this package shows to a client.

    Attributes:
        code: the canonical code, a number of `google.rpc.Code`.
        reason: what went wrong, UPPER_SNAKE_CASE, at most 63 characters.
        metadata: the variable parts of the message.
        details: further messages of `google/rpc/error_details.proto`, each type once.
        challenge: the `WWW-Authenticate` that goes with it, "" for none.
    """

    code: ClassVar[int] = code_pb2.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str] | None = None,
        details: Sequence[Message] = (),
        challenge: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.details = tuple(details)
        self.challenge = challenge

    def __reduce__(self) -> tuple[object, ...]:
        """Lets an error cross to another process, though its constructor takes other arguments."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[Exception], args: tuple[object, ...], state: dict[str, object]
) -> Exception:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class InvalidArgument(OperationsError):
    """A field of the request is wrong, whatever the state of the service."""

    code = code_pb2.INVALID_ARGUMENT

    def __init__(
        self, message: str, *, field: str, reason: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        super().__init__(
            message,
            reason=reason,
            metadata={"field": field, **(metadata or {})},
            details=[error_details_pb2.BadRequest(field_violations=[violation])],
        )
        self.field = field


class OperationNotFound(OperationsError):
    """There is no such operation, or the caller may not know of it: the two look the same."""

    code = code_pb2.NOT_FOUND

    def __init__(self, name: str) -> None:
        message = f"Operation {name!r} was not found."
        super().__init__(
            message,
            reason="OPERATION_NOT_FOUND",
            metadata={"name": name},
            details=[
                error_details_pb2.ResourceInfo(
                    resource_type="google.longrunning.Operation", resource_name=name
                )
            ],
        )
        self.name = name


class Unauthenticated(OperationsError):
    """Nobody knows who calls, and that has to be known."""

    code = code_pb2.UNAUTHENTICATED


class PermissionDenied(OperationsError):
    """The caller may not use this service or this parent, whatever exists there."""

    code = code_pb2.PERMISSION_DENIED


class AlreadyExists(OperationsError):
    """What was to be created is there, and differs."""

    code = code_pb2.ALREADY_EXISTS


class FailedPrecondition(OperationsError):
    """The operation is in a state that does not allow this."""

    code = code_pb2.FAILED_PRECONDITION


class Aborted(OperationsError):
    """Something else was in the way, or took the work over."""

    code = code_pb2.ABORTED


class OperationConflict(Aborted):
    """An operation that is under way excludes this one.

    Spec: AIP-151, "Parallel operations"
    """

    def __init__(self, key: str, name: str) -> None:
        super().__init__(
            f"Operation {name!r} is under way for {key!r}: try again once it is done.",
            reason="OPERATION_CONFLICT",
            metadata={"conflict_key": key, "name": name},
        )
        self.key = key
        self.name = name

    def without_name(self) -> Aborted:
        """Returns what is told to a caller who must not know of the other operation."""
        return Aborted(
            f"Another operation is under way for {self.key!r}: try again once it is done.",
            reason=self.reason,
            metadata={"conflict_key": self.key},
        )


class DeadlineExceeded(OperationsError):
    """The work ran out of its time."""

    code = code_pb2.DEADLINE_EXCEEDED


class ResourceExhausted(OperationsError):
    """A limit of the service is reached."""

    code = code_pb2.RESOURCE_EXHAUSTED


class OperationTooLarge(ResourceExhausted):
    """The serialized operation is larger than the service keeps."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(
            f"The operation would be {size} bytes; the limit is {limit}.",
            reason="OPERATION_TOO_LARGE",
            metadata={"bytes": str(size), "limit": str(limit)},
        )


class Unimplemented(OperationsError):
    """This service, or this operation's handler, does not offer the method."""

    code = code_pb2.UNIMPLEMENTED


class Unavailable(OperationsError):
    """The service cannot do it now; trying again later may help."""

    code = code_pb2.UNAVAILABLE


class Internal(OperationsError):
    """Something went wrong that is not the client's to know; the log has it."""

    code = code_pb2.INTERNAL
