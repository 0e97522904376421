"""What must be true of the answer to any request."""

import json
from functools import cache

from grpc_transcoding import Limits, Transcoder
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc
from tests.grpc_transcoding.asgi_client import Conversation, scope_of

PATHS = [
    b"/v1/shelves/1/books/2",
    b"/v1/shelves/1/books",
    b"/v1/shelves/1/books/2/pages/3",
    b"/v1/shelves/1/books/2/cover",
    b"/v1/drafts/a/b",
    b"/v1/echo",
    b"/v1/echo:types",
    b"/v1/discussions",
    b"/v1/shelves/1/books/2:upload",
    b"/openapi.json",
]


class Obliging(library_pb2_grpc.LibraryServicer):
    """Answers whatever it is asked, and so never fails by itself."""

    async def GetBook(self, request, context):
        return library_pb2.Book(name=request.name)

    async def ListBooks(self, request, context):
        return library_pb2.ListBooksResponse(next_page_token=request.page_token)

    async def CreateBook(self, request, context):
        return request.book

    async def UpdateBook(self, request, context):
        return library_pb2.UpdateBookResponse(request=request)

    async def DeleteBook(self, request, context):
        from google.protobuf import empty_pb2

        return empty_pb2.Empty()

    async def MoveBook(self, request, context):
        return library_pb2.Book(name=request.destination)

    async def GetPage(self, request, context):
        return library_pb2.GetPageResponse(lines=["a"])

    async def GetCover(self, request, context):
        from google.api import httpbody_pb2

        return httpbody_pb2.HttpBody(content_type=request.name, data=b"x")

    async def SetCover(self, request, context):
        return library_pb2.SetCoverResponse(content_type=request.cover.content_type)

    async def ReadBook(self, request, context):
        yield library_pb2.ReadBookResponse(text=request.name)

    async def DownloadBook(self, request, context):
        from google.api import httpbody_pb2

        yield httpbody_pb2.HttpBody(data=b"x")

    async def ImportBooks(self, request_iterator, context):
        return library_pb2.ImportBooksResponse(titles=[r.title async for r in request_iterator])

    async def UploadBook(self, request_iterator, context):
        return library_pb2.UploadBookResponse(
            chunks=[r.chunk.content_type async for r in request_iterator]
        )

    async def Discuss(self, request_iterator, context):
        async for request in request_iterator:
            yield library_pb2.DiscussResponse(text=request.text)

    async def Echo(self, request, context):
        return library_pb2.EchoResponse(types=request.types)


@cache
def library() -> Transcoder:
    transcoder = Transcoder(limits=Limits(json_depth=20), openapi_path="/openapi.json")
    library_pb2_grpc.add_LibraryServicer_to_server(Obliging(), transcoder)
    return transcoder


async def check(app, method, path, query, headers, body) -> None:
    """Makes a request and raises AssertionError unless its answer is as every answer must be."""
    length = (b"content-length", str(len(body)).encode())
    scope = scope_of(method, path, [*headers, length], query_string=query, raw_path=path)
    answer = await Conversation(app, scope, [body]).end()
    assert answer.is_complete
    assert answer.status not in {0, 500}, answer.body
    if answer.status >= 400 and method.upper() != "HEAD":
        error = answer.json["error"]
        assert error["code"] == answer.status
        assert isinstance(error["message"], str)
        assert error["status"] in {
            "INVALID_ARGUMENT",
            "NOT_FOUND",
            "UNIMPLEMENTED",
            "DEADLINE_EXCEEDED",
        }
        details = {
            detail["@type"].rpartition(".")[2]: detail for detail in error.get("details", [])
        }
        assert details["ErrorInfo"]["reason"].isupper()
    elif answer.headers.get("content-type") == "application/json" and answer.body:
        json.loads(answer.body)
