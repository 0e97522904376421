"""What crosses the pipe between the server and one of its processes.

Messages of protobuf cross serialized in an Any, so that each side makes them of its own classes.
Errors cross pickled, apart from the rest: a class that the other side cannot make is no reason to
lose the connection.
"""

import pickle
from collections.abc import Iterator
from datetime import datetime
from typing import Literal, NamedTuple

from google.protobuf import any_pb2
from google.protobuf.message import Message

from longrunning.packing import unpack

_LENGTH_BYTES = 8


class Call(NamedTuple):
    """To the process: do this work.

    Attributes:
        number: tells the calls of one process apart, from 1.
        module: where the handler's function is.
        qualname: what it is called there.
        name: the operation's name, and so on as in `Assignment`.
    """

    number: int
    module: str
    qualname: str
    name: str
    parent: str
    request: bytes
    attempt: int
    deadline: datetime | None
    last_checkpoint: bytes | None
    trace: str


class Cancel(NamedTuple):
    """To the process: stop the call of this number, if it is still under way."""

    number: int


class Written(NamedTuple):
    """To the process: what it wrote last is durable, or was refused with a pickled error."""

    number: int
    error: bytes | None


class Ready(NamedTuple):
    """From the process: it can be called."""


class Write(NamedTuple):
    """From the process: make this durable, and say so."""

    number: int
    kind: Literal["report", "checkpoint"]
    message: bytes


class Returned(NamedTuple):
    """From the process: the handler returned this."""

    response: bytes | None


class Stopped(NamedTuple):
    """From the process: the handler let itself be cancelled."""


class Raised(NamedTuple):
    """From the process: the handler failed.

    Attributes:
        shown: the pickled error that clients see; None for the neutral one.
        text: the traceback, for the log.
    """

    shown: bytes | None
    text: str


Outcome = Returned | Stopped | Raised


def seal(message: Message) -> bytes:
    """Returns a message, whatever its type, as it crosses."""
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed.SerializeToString()


def unseal(sealed: bytes) -> Message:
    """Returns the message that was sealed.

    Raises:
        LookupError: this process does not have its type.
    """
    return unpack(any_pb2.Any.FromString(sealed))


def frame(message: object) -> bytes:
    """Returns the bytes to write for a message."""
    body = pickle.dumps(message)
    return len(body).to_bytes(_LENGTH_BYTES) + body


class Frames:
    """Finds the messages in what is read, however it was cut."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[object]:
        """Yields the messages that these bytes complete."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH_BYTES:
            end = _LENGTH_BYTES + int.from_bytes(self._buffer[:_LENGTH_BYTES])
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH_BYTES:end])
            del self._buffer[:end]
            yield pickle.loads(body)  # noqa: S301 - the other end is this program as well
