"""The services of a remote server: what they are, and how they are called."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc.aio
from google.protobuf.descriptor_pool import DescriptorPool

from grpc_transcoding.calls.descriptors import Descriptors, load_descriptors, pool_of
from grpc_transcoding.calls.reflection import reflect
from grpc_transcoding.calls.remote import RemoteBackend
from grpc_transcoding.calls.servicers import RpcMethod


class RemoteServices:
    """A remote server behind a channel.

    Args:
        channel: To the server.
        descriptors: Of its services, or None to ask its reflection.
        services: Those that are wanted; all if empty.

    Raises:
        ValueError: The descriptors cannot be read.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        descriptors: Descriptors | None,
        services: Sequence[str] = (),
    ) -> None:
        self.backend = RemoteBackend(channel)
        self._channel = channel
        self._services = tuple(services)
        self._pool: DescriptorPool | None = None
        self._loading = asyncio.Lock()
        if descriptors is not None:
            self._pool, found = pool_of(load_descriptors(descriptors))
            self._services = self._services or found

    async def load(self) -> None:
        """Asks the server's reflection, unless the descriptors are known.

        Raises:
            LookupError: The server does not reflect, or does not know a service.
        """
        async with self._loading:
            if self._pool is None:
                files, names = await reflect(self._channel, self._services)
                self._pool, _ = pool_of(files)
                self._services = names

    @property
    def pool(self) -> DescriptorPool:
        """The pool of the server's messages.

        Raises:
            RuntimeError: They are not known yet.
        """
        if self._pool is None:
            raise RuntimeError(
                "the remote server has not been asked for its services:"
                " await transcoder.load(), or pass descriptors="
            )
        return self._pool

    def methods(self) -> list[RpcMethod]:
        """Returns every method of the services.

        Raises:
            LookupError: A service is not in the descriptors.
        """
        methods: list[RpcMethod] = []
        for name in self._services:
            try:
                service = self.pool.FindServiceByName(name)
            except KeyError:
                raise LookupError(f"the service {name!r} is not in the descriptors") from None
            methods.extend(RpcMethod.of(method) for method in service.methods)
        return methods
