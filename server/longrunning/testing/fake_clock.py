"""A time that moves only when it is told to."""

from datetime import UTC, datetime, timedelta

from longrunning.clock import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeClock:
    """Stands in for the clock of an `Operations`: calling it returns the time, in microseconds.

    Args:
        start: the time at first, with its time zone; by default the first of January 2027.

    Raises:
        ValueError: the start has no time zone.
    """

    def __init__(self, start: datetime = datetime(2027, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            raise ValueError(f"the start {start} has no time zone: give it one, such as UTC")
        self._now = start.astimezone(UTC)

    def __call__(self) -> int:
        """Returns microseconds since the Unix epoch."""
        return (self._now - _EPOCH) // timedelta(microseconds=1)

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves on; what was due meanwhile is noticed when somebody next looks at the clock.

        Raises:
            ValueError: it would move back.
        """
        if seconds < 0:
            raise ValueError(f"a clock moves on, and not by {seconds} seconds")
        self._now += timedelta(microseconds=round(seconds * SECOND))
