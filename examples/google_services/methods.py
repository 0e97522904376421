"""RPCs that return an Operation, declared without the stubs that protoc would generate.

The clients' packages carry the message classes of their services, made with proto-plus, but neither
servicers nor service descriptors. What a server, a transcoder and `operation_info` need besides is
little: the method's name, its two classes and its path.

Spec: google/api/http.proto, HttpRule; google/longrunning/operations.proto, OperationInfo
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import grpc
import proto
from google.api import annotations_pb2
from google.longrunning import operations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message

from longrunning import Handler, Operations, SyncOperationContext

# Classes of proto-plus, which wrap plain ones, or plain ones such as google.protobuf.Empty.
MessageClass: TypeAlias = Any
Work = Callable[[Any, SyncOperationContext], Any]
Start = Callable[[Any, grpc.aio.ServicerContext[Any, Any]], Awaitable[operations_pb2.Operation]]


class LongRunningMethod:
    """One RPC, which is made known to the descriptor pool as its .proto file would do.

    Args:
        name: `package.Service/Method`.
        request: the class of its requests.
        response: what the operation ends with.
        metadata: what the operation reports.
        paths: where REST posts the request to, all of it in the body.
    """

    def __init__(
        self,
        name: str,
        *,
        request: MessageClass,
        response: MessageClass,
        metadata: MessageClass,
        paths: Sequence[str],
    ) -> None:
        self.name = name
        self._request = request
        self._response = response
        self._metadata = metadata
        self._service, _, self._method = name.partition("/")
        file = self._file(paths)
        descriptor_pool.Default().AddSerializedFile(file.SerializeToString())

    def handler(self, operations: Operations, work: Work) -> Handler[Any, Any]:
        """Declares the work of the method, which takes and returns messages of proto-plus.

        The work changes nothing before its end, so what was interrupted is simply begun again.
        """

        def run(request: Message, operation: SyncOperationContext) -> Message:
            return plain(work(self._request.wrap(request), operation))

        declare = operations.handler(method=self.name, run="thread", on_interruption="retry")
        return declare(run)

    def add_to_server(self, start: Start, target: Any) -> None:  # noqa: ANN401 - a server or a Transcoder
        """Adds the method to a server or a transcoder, as generated code would do."""
        handler = grpc.unary_unary_rpc_method_handler(
            start,
            request_deserializer=self._request.deserialize,
            response_serializer=operations_pb2.Operation.SerializeToString,
        )
        generic = grpc.method_handlers_generic_handler(self._service, {self._method: handler})
        target.add_generic_rpc_handlers((generic,))

    def _file(self, paths: Sequence[str]) -> descriptor_pb2.FileDescriptorProto:
        package, _, service = self._service.rpartition(".")
        request = plain_class(self._request).DESCRIPTOR
        method = descriptor_pb2.MethodDescriptorProto(
            name=self._method,
            input_type=f".{request.full_name}",
            output_type=f".{operations_pb2.Operation.DESCRIPTOR.full_name}",
        )
        rule = method.options.Extensions[annotations_pb2.http]
        for number, path in enumerate(paths):
            binding = rule.additional_bindings.add() if number else rule
            binding.post, binding.body = path, "*"
        info = method.options.Extensions[operations_pb2.operation_info]
        info.response_type = plain_class(self._response).DESCRIPTOR.full_name
        info.metadata_type = plain_class(self._metadata).DESCRIPTOR.full_name
        return descriptor_pb2.FileDescriptorProto(
            name=f"examples/google_services/{self.name}.proto",
            package=package,
            syntax="proto3",
            dependency=[
                request.file.name,
                operations_pb2.DESCRIPTOR.name,
                annotations_pb2.DESCRIPTOR.name,
            ],
            service=[descriptor_pb2.ServiceDescriptorProto(name=service, method=[method])],
        )


def plain_class(kind: MessageClass) -> type[Message]:
    """Returns the class that a class of proto-plus wraps; a plain one is returned as it is."""
    found: type[Message] = kind.pb() if issubclass(kind, proto.Message) else kind
    return found


def plain(message: Any) -> Message:  # noqa: ANN401 - of either kind
    """Returns the message that one of proto-plus wraps; a plain one is returned as it is."""
    found: Message = type(message).pb(message) if isinstance(message, proto.Message) else message
    return found
