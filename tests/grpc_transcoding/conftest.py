"""What most tests of the transcoder put to the test."""

import pytest

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.library import LibraryServicer


@pytest.fixture
def servicer():
    return LibraryServicer()


@pytest.fixture
def app(servicer):
    transcoder = Transcoder(error_domain="library.example.com")
    library_pb2_grpc.add_LibraryServicer_to_server(servicer, transcoder)
    return transcoder


@pytest.fixture(autouse=True)
def no_errors_in_log(request, caplog):
    """Fails a test that leaves an error in the transcoder's log, unless it says `logs_errors`."""
    yield
    if request.node.get_closest_marker("logs_errors"):
        return
    records = [
        record
        for record in caplog.get_records("call")
        if record.name == "grpc_transcoding" and record.levelname in {"ERROR", "CRITICAL"}
    ]
    assert not records, [r.getMessage() for r in records]
