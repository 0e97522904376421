"""What clients of a sync server learn of a servicer's exceptions."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf import wrappers_pb2
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from longrunning import Aborted, SyncErrorInterceptor
from tests.grpc_transcoding._gen import library_pb2, library_pb2_grpc

TEXT = wrappers_pb2.StringValue
SERVICE = "test.Failing"


def unary(request: TEXT, context: grpc.ServicerContext) -> TEXT:
    match request.value:
        case "chosen":
            raise Aborted("The lock is held.", reason="LOCKED", metadata={"by": "me"})
        case "foreign":
            raise KeyError("secret password")
        case "plain":
            raise Exception("secret password")
        case "abort":
            context.abort(grpc.StatusCode.DATA_LOSS, "gone")
    return request


def stream(request: TEXT, context: grpc.ServicerContext) -> Iterator[TEXT]:
    yield request
    yield unary(request, context)


def listed(request: TEXT, context: grpc.ServicerContext) -> Iterator[TEXT]:
    return iter([request, unary(request, context)])


def collect(requests: Iterator[TEXT], context: grpc.ServicerContext) -> TEXT:
    return [unary(request, context) for request in requests][-1]


def converse(requests: Iterator[TEXT], context: grpc.ServicerContext) -> Iterator[TEXT]:
    for request in requests:
        yield unary(request, context)


@pytest.fixture
def channel() -> Iterator[grpc.Channel]:
    server = grpc.server(
        ThreadPoolExecutor(2), interceptors=[SyncErrorInterceptor("tests.example.com")]
    )
    coding = (TEXT.FromString, TEXT.SerializeToString)
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary, *coding),
        "Stream": grpc.unary_stream_rpc_method_handler(stream, *coding),
        "Listed": grpc.unary_stream_rpc_method_handler(listed, *coding),
        "Collect": grpc.stream_unary_rpc_method_handler(collect, *coding),
        "Converse": grpc.stream_stream_rpc_method_handler(converse, *coding),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    server.stop(None).wait()


def call(channel: grpc.Channel, method: str, value: str) -> None:
    coding = (TEXT.SerializeToString, TEXT.FromString)
    path, request = f"/{SERVICE}/{method}", TEXT(value=value)
    match method:
        case "Unary":
            channel.unary_unary(path, *coding)(request)
        case "Stream" | "Listed":
            list(channel.unary_stream(path, *coding)(request))
        case "Collect":
            channel.stream_unary(path, *coding)(iter([request]))
        case "Converse":
            list(channel.stream_stream(path, *coding)(iter([request])))


METHODS = ["Unary", "Stream", "Listed", "Collect", "Converse"]


@pytest.mark.parametrize("method", METHODS)
def test_an_error_that_was_chosen_is_shown(channel: grpc.Channel, method: str) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, method, "chosen")
    assert refused.value.code() is grpc.StatusCode.ABORTED
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("LOCKED", "tests.example.com")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", ["foreign", "plain"])
def test_any_other_exception_is_hidden_and_logged(
    channel: grpc.Channel, method: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, method, value)
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert refused.value.details() == "Internal error."
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(refused.value).details[0].Unpack(info)
    assert f"[{info.metadata['correlation_id']}]" in caplog.text
    assert "secret password" in caplog.text


@pytest.mark.parametrize("method", METHODS)
def test_an_abort_and_a_success_pass_through(
    channel: grpc.Channel, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    call(channel, method, "fine")
    with pytest.raises(grpc.RpcError) as refused:
        call(channel, method, "abort")
    assert refused.value.code() is grpc.StatusCode.DATA_LOSS
    assert refused.value.details() == "gone"
    assert not caplog.records


def test_a_method_that_is_not_there_stays_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(f"/{SERVICE}/None")(b"")
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(("method", "kind"), [("GetBook", "unary"), ("ReadBook", "stream")])
def test_a_method_that_is_left_out_stays_unimplemented(method: str, kind: str) -> None:
    server = grpc.server(ThreadPoolExecutor(2), interceptors=[SyncErrorInterceptor()])
    library_pb2_grpc.add_LibraryServicer_to_server(library_pb2_grpc.LibraryServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as opened:
            path = f"/{library_pb2.DESCRIPTOR.package}.Library/{method}"
            call = getattr(opened, f"unary_{kind}")(path)
            with pytest.raises(grpc.RpcError) as refused:
                next(call(b"")) if kind == "stream" else call(b"")
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
    finally:
        server.stop(None).wait()
