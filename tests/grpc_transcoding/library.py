"""A servicer that says what it was asked."""

import asyncio

import grpc
from google.api import httpbody_pb2
from google.protobuf import duration_pb2, empty_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from grpc_transcoding.errors import packed
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc


class LibraryServicer(library_pb2_grpc.LibraryServicer):
    """Answers with what it was asked; the last segment of a name says how it fails."""

    def __init__(self) -> None:
        self.requests = []
        self.contexts = []
        self.was_cancelled = asyncio.Event()
        self.has_begun = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.reply = None

    def _note(self, request, context):
        self.requests.append(request)
        self.contexts.append(context)

    async def GetBook(self, request, context):
        self._note(request, context)
        ending = request.name.rpartition("/")[2]
        if ending == "wait":
            self.has_begun.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.was_cancelled.set()
                raise
        elif ending == "broken":
            raise ValueError("the password is swordfish")
        elif ending == "cancels-itself":
            raise asyncio.CancelledError
        elif ending == "metadata":
            await context.send_initial_metadata((("x-shelf", "7"), ("etag", '"abc"')))
            context.set_trailing_metadata((("x-took", "1ms"), ("x-raw-bin", b"\x00\xff")))
        elif ending == "headed":
            await context.send_initial_metadata((("x-shelf", "7"),))
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such book", (("x-took", "1ms"),))
        elif ending == "coded":
            context.set_code(grpc.StatusCode.DATA_LOSS)
            context.set_details("the pages are gone")
        elif ending == "retry":
            await self._abort(
                context,
                code_pb2.UNAVAILABLE,
                "closed for lunch",
                error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=2, nanos=1)),
            )
        elif ending == "detailed":
            await self._abort(
                context,
                code_pb2.FAILED_PRECONDITION,
                "lent out",
                error_details_pb2.ErrorInfo(reason="LENT", domain="library", metadata={"to": "a"}),
            )
        elif ending.startswith("aborts-"):
            name = ending.removeprefix("aborts-").upper().replace("-", "_")
            await context.abort(grpc.StatusCode[name], f"it is {name}")
        return self.reply or library_pb2.Book(name=request.name, title="Emma")

    async def _abort(self, context, code, message, *details):
        status = status_pb2.Status(
            code=code, message=message, details=[packed(detail) for detail in details]
        )
        await context.abort_with_status(rpc_status.to_status(status))

    async def ListBooks(self, request, context):
        self._note(request, context)
        return self.reply or library_pb2.ListBooksResponse(next_page_token=request.page_token)

    async def CreateBook(self, request, context):
        self._note(request, context)
        return request.book

    async def UpdateBook(self, request, context):
        self._note(request, context)
        return library_pb2.UpdateBookResponse(request=request)

    async def DeleteBook(self, request, context):
        self._note(request, context)
        return empty_pb2.Empty()

    async def MoveBook(self, request, context):
        self._note(request, context)
        return library_pb2.Book(name=request.destination)

    async def GetPage(self, request, context):
        self._note(request, context)
        return library_pb2.GetPageResponse(lines=[f"line of page {request.number}"])

    async def GetCover(self, request, context):
        self._note(request, context)
        return httpbody_pb2.HttpBody(content_type="image/png", data=b"\x89PNG")

    async def SetCover(self, request, context):
        self._note(request, context)
        cover = request.cover
        return library_pb2.SetCoverResponse(
            content_type=cover.content_type, size=len(cover.data), caption=request.caption
        )

    async def ReadBook(self, request, context):
        self._note(request, context)
        ending = request.name.rpartition("/")[2]
        for page in range(1, 4):
            if ending == "headed":
                await context.send_initial_metadata((("x-shelf", "7"),))
            if ending in {"broken", "headed"} and page == 1:
                await context.abort(grpc.StatusCode.NOT_FOUND, "no such book")
            if request.fail_after and page > request.fail_after:
                await context.abort(grpc.StatusCode.DATA_LOSS, "the rest is gone")
            if ending == "slow" and page == 2:
                self.has_begun.set()
                try:
                    await self.may_go_on.wait()
                except asyncio.CancelledError:
                    self.was_cancelled.set()
                    raise
            yield library_pb2.ReadBookResponse(text=f"page {page}")

    async def DownloadBook(self, request, context):
        self._note(request, context)
        if request.name.endswith("/written"):
            await context.write(httpbody_pb2.HttpBody(content_type="text/plain", data=b"by write"))
            return
        yield_ = [b"%PDF", b"-1.7"]
        for data in yield_:
            await context.write(httpbody_pb2.HttpBody(content_type="application/pdf", data=data))
        if request.name.endswith("/torn"):
            await context.abort(grpc.StatusCode.DATA_LOSS, "torn")

    async def ImportBooks(self, request_iterator, context):
        titles = []
        async for request in request_iterator:
            self._note(request, context)
            titles.append(f"{request.parent}: {request.title}")
        return library_pb2.ImportBooksResponse(titles=titles)

    async def UploadBook(self, request_iterator, context):
        chunks = [
            f"{request.name} {request.chunk.content_type} {request.chunk.data.decode()}"
            async for request in request_iterator
        ]
        return library_pb2.UploadBookResponse(chunks=chunks)

    async def Discuss(self, request_iterator, context):
        async for request in request_iterator:
            self._note(request, context)
            yield library_pb2.DiscussResponse(text=f"{request.text}?")

    async def Echo(self, request, context):
        self._note(request, context)
        return library_pb2.EchoResponse(types=request.types)
