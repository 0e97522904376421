"""The message types behind an `Any`, learnt from the server itself.

`lro` works with every server, so it cannot know the types of their metadata and responses. What
this process has not loaded is asked of the server's reflection service, once per type, when first
met. A server without reflection costs one call; its types then stay unknown.
"""

import base64

import grpc
from google.protobuf import any_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2  # noqa: F401 - known without asking: details of errors


class MessageTypes:
    """Opens `Any`s with what this process and the server know."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._remote: descriptor_pool.DescriptorPool | None = None
        self._pools: dict[str, descriptor_pool.DescriptorPool | None] = {}

    def unpack(self, packed: any_pb2.Any) -> Message | None:
        """The message inside; None when its type is unknown or its bytes are not of that type."""
        name = packed.TypeName()
        pool = self._pool(name)
        if pool is None:
            return None
        try:
            message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
            message.ParseFromString(packed.value)
        except DecodeError:
            return None
        return message

    def to_json(self, packed: any_pb2.Any) -> dict[str, object]:
        """The `Any` in protobuf's JSON mapping; an unknown type as `@type` and base64 `value`."""
        pool = self._pool(packed.TypeName())
        if pool is not None:
            try:
                return json_format.MessageToDict(packed, descriptor_pool=pool)
            except (TypeError, DecodeError, json_format.Error):
                pass  # it holds an Any of an unknown type, or bytes that are not of its type
        return {"@type": packed.type_url, "value": base64.b64encode(packed.value).decode()}

    def _pool(self, name: str) -> descriptor_pool.DescriptorPool | None:
        if name not in self._pools:
            self._pools[name] = self._search(name)
        return self._pools[name]

    def _search(self, name: str) -> descriptor_pool.DescriptorPool | None:
        if _knows(descriptor_pool.Default(), name):
            return descriptor_pool.Default()
        if self._remote is None:
            self._remote = _reflected(self._channel)
        try:
            return self._remote if _knows(self._remote, name) else None
        except (grpc.RpcError, AssertionError, TypeError):
            # No reflection, no right to it, or descriptors that do not fit together.
            self._remote = descriptor_pool.DescriptorPool()
            return None


def _knows(pool: descriptor_pool.DescriptorPool, name: str) -> bool:
    try:
        pool.FindMessageTypeByName(name)
    except KeyError:
        return False
    return True


def _reflected(channel: grpc.Channel) -> descriptor_pool.DescriptorPool:
    from grpc_reflection.v1alpha import (  # noqa: PLC0415 - only when a type is unknown
        proto_reflection_descriptor_database as reflection,
    )

    return descriptor_pool.DescriptorPool(reflection.ProtoReflectionDescriptorDatabase(channel))
