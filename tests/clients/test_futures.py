"""google.api_core.operation.Operation: what generated clients give their users."""

import pytest
from google.api_core import exceptions, operation
from google.api_core.future import polling
from google.protobuf import empty_pb2

from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata
from tests.clients.conftest import Client, Work

POLLING = polling.DEFAULT_POLLING.with_delay(initial=0.01, maximum=0.05)


def future(started, client: Client, result_type=Manifest) -> operation.Operation:
    return operation.from_gapic(
        started, client, result_type, metadata_type=ScanMetadata, polling=POLLING
    )


def test_has_the_result(client: Client, work: Work, parent: str):
    pending = future(work.start("quick", parent), client)
    assert pending.result(timeout=30) == Manifest(bytes_total=42)
    assert pending.metadata == ScanMetadata(files_total=3, files_done=3, progress_percent=100)
    assert pending.exception() is None
    assert pending.done()
    assert not pending.running()
    assert not pending.cancelled()


def test_shows_the_progress_of_what_runs(client: Client, work: Work, parent: str):
    pending = future(work.run("slow", parent), client)
    assert pending.metadata.progress_percent == 10
    assert pending.running()
    assert not pending.done()
    assert not pending.cancelled()


def test_has_the_exception_of_what_failed(client: Client, work: Work, parent: str):
    pending = future(work.start("failing", parent), client)
    error = pending.exception(timeout=30)
    assert type(error) is exceptions.FailedPrecondition
    assert (error.message, error.grpc_status_code.name) == (
        "The disk is full.",
        "FAILED_PRECONDITION",
    )
    with pytest.raises(exceptions.FailedPrecondition, match=r"^400 The disk is full\."):
        pending.result(timeout=30)


def test_can_be_cancelled_once(client: Client, work: Work, parent: str):
    pending = future(work.run("slow", parent), client)
    assert pending.cancel()
    assert type(pending.exception(timeout=30)) is exceptions.Cancelled
    assert pending.cancelled()
    assert not pending.cancel()


def test_a_wrong_type_of_result_is_an_error_of_the_client(client: Client, work: Work, parent: str):
    with pytest.raises(TypeError, match="Could not convert"):
        future(work.finish("quick", parent), client, empty_pb2.Empty)
