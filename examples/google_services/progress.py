"""How far work has come: what its operation says of it, and where a cancellation stops it."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from examples.google_services.methods import plain
from longrunning import OperationCancelled, SyncOperationContext

T = TypeVar("T")

INTERVAL_SECONDS = 0.1
"""How often work reports at most: every report is a durable write."""


class Pace:
    """Takes work through its steps.

    Args:
        seconds: how long to rest after each step, for those who want to watch.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def steps(
        self,
        operation: SyncOperationContext,
        items: Sequence[T],
        metadata: Callable[[int], Any],
    ) -> Iterator[T]:
        """Yields the items, and reports between them.

        Args:
            operation: what the handler was given.
            items: one for each step.
            metadata: returns what to report when so many percent are done.

        Raises:
            OperationCancelled: the work is to stop.
        """
        due = time.monotonic()
        for number, item in enumerate(items):
            if operation.cancelled:
                raise OperationCancelled(operation.name)
            if time.monotonic() >= due:
                operation.report(plain(metadata(100 * number // len(items))))
                due = time.monotonic() + INTERVAL_SECONDS
            yield item
            time.sleep(self._seconds)
        operation.report(plain(metadata(100)))


def now() -> Timestamp:
    """Returns the time, for metadata that says when."""
    time_now = Timestamp()
    time_now.GetCurrentTime()
    return time_now
