"""Messages into `google.protobuf.Any`, and back out of it."""

from google.protobuf import any_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message


def pack(message: Message) -> any_pb2.Any:
    """Returns the message in an Any; what is an Any already stays as it is.

    Raises:
        ValueError: it is an Any whose type URL has a NUL in it, which not every store can keep.
    """
    if isinstance(message, any_pb2.Any):
        if "\0" in message.type_url:
            raise ValueError(f"{message.type_url!r} is no type URL: it has a NUL in it")
        return message
    packed = any_pb2.Any()
    packed.Pack(message, deterministic=True)
    return packed


def unpack(packed: any_pb2.Any) -> Message:
    """Returns the message in an Any, of the class that this process has for its type.

    Raises:
        LookupError: the type is unknown here.
    """
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(packed.TypeName())
    except KeyError:
        raise LookupError(
            f"{packed.TypeName()!r} is not among the messages that this process has imported"
        ) from None
    message: Message = message_factory.GetMessageClass(descriptor)()
    message.ParseFromString(packed.value)
    return message
