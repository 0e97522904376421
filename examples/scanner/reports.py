"""What clients see of a scan while it runs."""

import time
from collections.abc import Callable

from examples.scanner._gen.scanner_pb2 import ScanMetadata
from longrunning import OperationCancelled, SyncOperationContext

INTERVAL_SECONDS = 0.1
"""How often a scan reports at most: every report is a durable write."""


class Reports:
    """Passes a scan's state on to its operation at a bounded rate, and stops it when cancelled.

    Args:
        operation: what the handler was given.
        clock: returns a time in seconds that never goes back.
    """

    def __init__(
        self, operation: SyncOperationContext, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._operation = operation
        self._clock = clock
        self._next = clock()  # the first report is made at once

    def __call__(self, metadata: ScanMetadata) -> None:
        """Reports if it is time to, or if it is the last report.

        Raises:
            OperationCancelled: the scan is to stop.
        """
        if self._operation.cancelled:
            raise OperationCancelled(self._operation.name)
        now = self._clock()
        if now >= self._next or metadata.progress_percent == 100:
            self._operation.report(metadata)
            self._next = now + INTERVAL_SECONDS
