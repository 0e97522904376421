"""How often a scan reports, and that it stops when it is told to."""

import pytest

from examples.scanner._gen.scanner_pb2 import ScanMetadata
from examples.scanner.reports import INTERVAL_SECONDS, Reports
from longrunning import OperationCancelled


class FakeOperation:
    """What the handler is given, without an operation behind it."""

    name = "operations/1"

    def __init__(self) -> None:
        self.cancelled = False
        self.reported: list[int] = []

    def report(self, metadata: ScanMetadata) -> None:
        self.reported.append(metadata.files_done)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def operation() -> FakeOperation:
    return FakeOperation()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reports(operation: FakeOperation, clock: Clock) -> Reports:
    return Reports(operation, clock=clock)


def test_reports_at_once_and_then_at_a_bounded_rate(
    operation: FakeOperation, clock: Clock, reports: Reports
):
    for files_done in range(1001):
        reports(ScanMetadata(files_done=files_done))
        clock.now += INTERVAL_SECONDS / 100
    assert operation.reported[:3] == [0, 100, 200]
    assert len(operation.reported) == 11


def test_the_last_state_is_always_reported(operation: FakeOperation, reports: Reports):
    reports(ScanMetadata(files_done=1))
    reports(ScanMetadata(files_done=2))
    reports(ScanMetadata(files_done=3, progress_percent=100))
    assert operation.reported == [1, 3]


def test_a_cancelled_scan_is_stopped_whether_or_not_a_report_is_due(
    operation: FakeOperation, reports: Reports
):
    reports(ScanMetadata())
    operation.cancelled = True
    with pytest.raises(OperationCancelled, match=r"^operations/1$"):
        reports(ScanMetadata())
    assert operation.reported == [0]
