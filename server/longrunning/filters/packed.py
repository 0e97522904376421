"""What is inside an `Any`, as far as its type is known here."""

from google.protobuf import any_pb2, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message


class PackedReader:
    """Opens the `Any`s of one filter, and remembers the last one that it opened.

    Several restrictions on one operation's metadata follow each other, so the last is mostly the
    next. A message that was opened is never changed, so threads may share a reader.
    """

    __slots__ = ("_last", "_pool", "_types")

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool
        self._types: dict[str, Descriptor | None] = {}
        self._last: tuple[str, bytes, Message | None] = ("", b"", None)

    def descriptor(self, type_url: str) -> Descriptor | None:
        """Returns the type that `type_url` names, None if the pool does not have it."""
        if type_url not in self._types:
            try:
                found = self._pool.FindMessageTypeByName(type_url.rpartition("/")[2])
            except KeyError:
                self._types[type_url] = None
            else:
                self._types[type_url] = found
        return self._types[type_url]

    def open(self, packed: any_pb2.Any) -> Message | None:
        """Returns the message inside, None if its type is unknown or its bytes are not of it."""
        type_url, value = packed.type_url, packed.value
        last = self._last
        if last[0] == type_url and last[1] == value:
            return last[2]
        descriptor = self.descriptor(type_url)
        message: Message | None = None
        if descriptor is not None:
            try:
                message = message_factory.GetMessageClass(descriptor).FromString(value)
            except DecodeError:
                message = None
        self._last = (type_url, value, message)
        return message
