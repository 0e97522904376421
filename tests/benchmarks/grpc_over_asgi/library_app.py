"""The library behind one port, in a process of its own: what it saw, it tells by further names."""

from benchmarks.grpc_over_asgi.one_port import OnePort
from benchmarks.grpc_over_asgi.service import GrpcService
from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.library import LibraryServicer


class TellingServicer(LibraryServicer):
    async def GetBook(self, request, context):
        ending = request.name.rpartition("/")[2]
        if ending == "metadata-seen":
            told = [f"{key}={value!r}" for key, value in context.invocation_metadata()]
            return library_pb2.Book(title="; ".join(told))
        if ending == "time-seen":
            return library_pb2.Book(title=f"{context.time_remaining()}")
        if ending == "wait-began":
            await self.has_begun.wait()
            self.has_begun.clear()
            return library_pb2.Book()
        if ending == "wait-cancelled":
            await self.was_cancelled.wait()
            self.was_cancelled.clear()
            return library_pb2.Book()
        if ending == "told":
            await context.abort(5, "größer als 100%\n")
        return await super().GetBook(request, context)


_grpc = GrpcService()
_rest = Transcoder(error_domain="library.example.com")
_servicer = TellingServicer()
for _target in (_grpc, _rest):
    library_pb2_grpc.add_LibraryServicer_to_server(_servicer, _target)
serve = OnePort(_grpc, _rest)
