"""A bare `grpc.aio` handler that returns a constant: python -m benchmarks.serving.constant_grpc"""

import asyncio

import grpc.aio
from google.longrunning import operations_pb2, operations_pb2_grpc

from benchmarks.serving.constant import OPERATION


class Constant(operations_pb2_grpc.OperationsServicer):
    async def GetOperation(  # noqa: N802 - named by the proto
        self, _request: operations_pb2.GetOperationRequest, _context: object
    ) -> operations_pb2.Operation:
        return OPERATION


async def main() -> None:
    server = grpc.aio.server()
    operations_pb2_grpc.add_OperationsServicer_to_server(Constant(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"serving gRPC on 127.0.0.1:{port}", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
