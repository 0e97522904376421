"""A client of server reflection.

Spec: grpc/reflection/v1alpha/reflection.proto.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from grpc_transcoding.errors import ReflectionError


class ReflectionClient:
    """Asks one server, over one stream.

    Args:
        channel: To the server.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # The published types know the sync stub only.
        self._stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[arg-type]
        self._call: Any = None

    async def __aenter__(self) -> Self:
        self._call = self._stub.ServerReflectionInfo()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._call.cancel()

    async def services(self) -> tuple[str, ...]:
        """Returns the names of the services that the server lists."""
        answer = await self._ask("the list of services", list_services="")
        return tuple(service.name for service in answer.list_services_response.service)

    async def files(self, services: tuple[str, ...]) -> descriptor_pb2.FileDescriptorSet:
        """Returns the files that declare services, with all that they import.

        Raises:
            ReflectionError: The server does not know one of them.
        """
        known: dict[str, descriptor_pb2.FileDescriptorProto] = {}
        for service in services:
            answer = await self._ask(f"the service {service!r}", file_containing_symbol=service)
            _keep(answer, known)
        while missing := sorted({d for f in known.values() for d in f.dependency} - known.keys()):
            for name in missing:
                _keep(await self._ask(f"the file {name!r}", file_by_filename=name), known)
        return descriptor_pb2.FileDescriptorSet(file=known.values())

    async def _ask(self, what: str, **question: Any) -> Any:
        try:
            await self._call.write(reflection_pb2.ServerReflectionRequest(**question))
            answer = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise ReflectionError(
                f"the server was asked for {what} and failed with {error.code().name}:"
                " it should serve grpc.reflection, or pass its descriptors"
            ) from error
        if answer is grpc.aio.EOF or answer.HasField("error_response"):
            raise ReflectionError(f"the server does not know {what}")
        return answer


def _keep(answer: Any, known: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    for serialized in answer.file_descriptor_response.file_descriptor_proto:
        file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
        known.setdefault(file.name, file)


async def reflect(
    channel: grpc.aio.Channel, services: Iterable[str] = ()
) -> tuple[descriptor_pb2.FileDescriptorSet, tuple[str, ...]]:
    """Asks a server for its services and their files.

    Args:
        channel: To the server.
        services: Those to ask for; all that the server lists if empty, without gRPC's own.

    Raises:
        ReflectionError: The server does not know a service, or does not reflect.

    Spec: grpc.reflection.v1alpha.ServerReflection.
    """
    async with ReflectionClient(channel) as client:
        names = tuple(services) or tuple(
            name for name in await client.services() if not name.startswith("grpc.")
        )
        return await client.files(names), names
