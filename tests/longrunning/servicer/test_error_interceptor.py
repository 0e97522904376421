"""What clients learn of a servicer's exceptions, over gRPC and over REST."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import wrappers_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from longrunning import Aborted, ErrorInterceptor
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc

TEXT = wrappers_pb2.StringValue
SERVICE = "test.Failing"


async def unary(request: TEXT, context: grpc.aio.ServicerContext[Any, Any]) -> TEXT:
    match request.value:
        case "chosen":
            raise Aborted("The lock is held.", reason="LOCKED", metadata={"by": "me"})
        case "long":
            raise Aborted("😀" * 9000, reason="LONG", metadata={"by": "me" * 9000})
        case "foreign":
            raise KeyError("secret password")
        case "abort":
            await context.abort(grpc.StatusCode.DATA_LOSS, "gone")
    return request


async def stream(request: TEXT, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[TEXT]:
    yield request
    yield await unary(request, context)


async def collect(
    requests: AsyncIterator[TEXT], context: grpc.aio.ServicerContext[Any, Any]
) -> TEXT:
    async for request in requests:
        return await unary(request, context)
    return TEXT()


async def converse(
    requests: AsyncIterator[TEXT], context: grpc.aio.ServicerContext[Any, Any]
) -> AsyncIterator[TEXT]:
    async for request in requests:
        yield await unary(request, context)


class Failing(grpc.aio.ServerInterceptor):
    """Fails before it is known what kind of method is called."""

    async def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        metadata = dict(handler_call_details.invocation_metadata or ())
        match metadata.get("fail"):
            case "chosen":
                raise Aborted("The lock is held.", reason="LOCKED", metadata={"by": "me"})
            case "foreign":
                raise KeyError("secret password")
        return await continuation(handler_call_details)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=[ErrorInterceptor("tests.example.com"), Failing()])
    coding = (TEXT.FromString, TEXT.SerializeToString)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, *coding),
        "Stream": grpc.unary_stream_rpc_method_handler(stream, *coding),
        "Collect": grpc.stream_unary_rpc_method_handler(collect, *coding),
        "Converse": grpc.stream_stream_rpc_method_handler(converse, *coding),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(None)


async def call(channel: grpc.aio.Channel, method: str, value: str, fail: str = "") -> None:
    coding = (TEXT.SerializeToString, TEXT.FromString)
    path = f"/{SERVICE}/{method}"
    metadata = (("fail", fail),)
    match method:
        case "Unary":
            await channel.unary_unary(path, *coding)(TEXT(value=value), metadata=metadata)
        case "Stream":
            async for _ in channel.unary_stream(path, *coding)(
                TEXT(value=value), metadata=metadata
            ):
                pass
        case "Collect":
            await channel.stream_unary(path, *coding)(iter([TEXT(value=value)]), metadata=metadata)
        case "Converse":
            async for _ in channel.stream_stream(path, *coding)(
                iter([TEXT(value=value)]), metadata=metadata
            ):
                pass


METHODS = ["Unary", "Stream", "Collect", "Converse"]


@pytest.mark.parametrize("method", METHODS)
async def test_an_error_that_was_chosen_is_shown(channel: grpc.aio.Channel, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, method, "chosen")
    assert refused.value.code() is grpc.StatusCode.ABORTED
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert (info.reason, info.domain, info.metadata) == (
        "LOCKED",
        "tests.example.com",
        {"by": "me"},
    )


@pytest.mark.parametrize("method", METHODS)
async def test_any_other_exception_is_hidden_and_logged(
    channel: grpc.aio.Channel, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, method, "foreign")
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert refused.value.details() == "Internal error."
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert f"[{info.metadata['correlation_id']}]" in caplog.text
    assert "secret password" in caplog.text


@pytest.mark.parametrize("method", METHODS)
async def test_exceptions_of_interceptors_are_told_and_hidden_alike(
    channel: grpc.aio.Channel, method: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, method, "fine", fail="chosen")
    assert refused.value.code() is grpc.StatusCode.ABORTED
    assert refused.value.details() == "The lock is held."
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, method, "fine", fail="foreign")
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert refused.value.details() == "Internal error."


@pytest.mark.parametrize("method", METHODS)
async def test_an_abort_and_a_success_pass_through(channel: grpc.aio.Channel, method: str) -> None:
    await call(channel, method, "fine")
    with pytest.raises(grpc.aio.AioRpcError, match="gone"):
        await call(channel, method, "abort")


async def test_a_method_that_is_not_there_stays_unimplemented(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await channel.unary_unary(f"/{SERVICE}/None")(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_what_is_too_long_for_the_trailers_is_shortened(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call(channel, "Unary", "long")
    assert refused.value.code() is grpc.StatusCode.ABORTED
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert info.metadata["by"] == "me" * 50 + "..."


@pytest.mark.parametrize(("method", "kind"), [("GetBook", "unary"), ("ReadBook", "stream")])
async def test_a_method_that_is_left_out_is_unimplemented_like_any_error(
    method: str, kind: str
) -> None:
    server = grpc.aio.server(interceptors=[ErrorInterceptor("tests.example.com")])
    library_pb2_grpc.add_LibraryServicer_to_server(library_pb2_grpc.LibraryServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
            path = f"/{library_pb2.DESCRIPTOR.package}.Library/{method}"
            call = getattr(opened, f"unary_{kind}")(path)(b"")
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await (call.read() if kind == "stream" else call)
        assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert refused.value.details() == "The method is not implemented."
        status = rpc_status.from_call(refused.value)
        info = error_details_pb2.ErrorInfo()
        assert status
        assert status.details[0].Unpack(info)
        assert (info.reason, info.domain) == ("METHOD_NOT_IMPLEMENTED", "tests.example.com")
    finally:
        await server.stop(None)
