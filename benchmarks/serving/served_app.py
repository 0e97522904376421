"""The app that is measured: `google.longrunning.Operations`, and a service that drives it.

`bench.Work` has the methods that a service would have: Run starts work that is empty, Create an
operation whose work runs elsewhere, Report and Finish are that work's. It is served over gRPC only.

Variables of the environment:
    BENCH_OPERATIONS: how many operations the memory store holds from the start.
"""

import os
from typing import Any

import grpc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, wrappers_pb2

from benchmarks.serving.checking import authenticator
from benchmarks.stores.records import REQUEST, records
from grpc_transcoding import Transcoder
from longrunning import App, AsyncOperationContext, MemoryStore, Operations

SERVICE = "bench.Work"
PARENT = "projects/started/locations/l"  # of its own: lists of the others stay what they are


class FilledMemoryStore(MemoryStore):
    """A memory store that has operations once it is open."""

    async def open(self) -> None:
        await super().open()
        for record in records(int(os.environ.get("BENCH_OPERATIONS", "0"))):
            await self.create(record, REQUEST)


operations = Operations(FilledMemoryStore(), max_page_size=1000, max_wait=1800)


@operations.handler(name="empty")
async def empty(request: empty_pb2.Empty, operation: AsyncOperationContext) -> None:
    """Does nothing."""


async def run(request: empty_pb2.Empty, context: Any) -> operations_pb2.Operation:  # noqa: ANN401
    return await operations.start(empty, request, context=context, parent=PARENT)


async def create(_request: empty_pb2.Empty, _context: object) -> operations_pb2.Operation:
    return await operations.create(parent=PARENT)


async def report(request: wrappers_pb2.StringValue, _context: object) -> empty_pb2.Empty:
    await operations.report(request.value, wrappers_pb2.Int32Value(value=50))
    return empty_pb2.Empty()


async def finish(request: wrappers_pb2.StringValue, _context: object) -> empty_pb2.Empty:
    await operations.succeed(request.value)
    return empty_pb2.Empty()


METHODS = {
    "Run": (run, empty_pb2.Empty, operations_pb2.Operation),
    "Create": (create, empty_pb2.Empty, operations_pb2.Operation),
    "Report": (report, wrappers_pb2.StringValue, empty_pb2.Empty),
    "Finish": (finish, wrappers_pb2.StringValue, empty_pb2.Empty),
}


def add_work_to_server(methods: dict[str, Any], target: Any) -> None:  # noqa: ANN401 - grpc's own
    if isinstance(target, Transcoder):
        return  # it has no .proto file that could bind it to a path
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            method,
            request_deserializer=request.FromString,
            response_serializer=reply.SerializeToString,
        )
        for name, (method, request, reply) in methods.items()
    }
    target.add_registered_method_handlers(SERVICE, handlers)


app = App(operations, servicers=[(add_work_to_server, METHODS)], authenticator=authenticator())
