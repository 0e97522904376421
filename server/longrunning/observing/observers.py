"""Several observers as one, none of which can do harm."""

import contextlib
import logging
from collections.abc import Iterator, Sequence

from longrunning.lifecycle import Record
from longrunning.observing.observer import Observer
from longrunning.traces import ids_of

_log = logging.getLogger(__name__)


class Observers(Observer):
    """Tells each of several observers, and logs what they raise.

    Args:
        each: the observers, in the order in which they are told.
    """

    def __init__(self, each: Sequence[Observer]) -> None:
        self._each = tuple(each)

    def trace(self) -> str:
        """Returns the first trace that one of them knows, and passes over what is none."""
        for observer in self._each:
            with _harmless(observer):
                if any(ids_of(found := observer.trace())):
                    return found
        return ""

    def changed(self, before: Record | None, after: Record) -> None:
        """Tells each."""
        for observer in self._each:
            with _harmless(observer):
                observer.changed(before, after)

    @contextlib.contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        """Enters the context of each, and leaves them in reverse order."""
        entered = []
        for observer in self._each:
            with _harmless(observer):
                context = observer.attempt(record)
                context.__enter__()
                entered.append((observer, context))
        try:
            yield
        finally:
            for observer, context in reversed(entered):
                with _harmless(observer):
                    context.__exit__(None, None, None)

    def failed(self, record: Record, error: Exception) -> None:
        """Tells each."""
        for observer in self._each:
            with _harmless(observer):
                observer.failed(record, error)

    def waiting(self, change: int) -> None:
        """Tells each."""
        for observer in self._each:
            with _harmless(observer):
                observer.waiting(change)

    def stored(self, method: str, seconds: float) -> None:
        """Tells each."""
        for observer in self._each:
            with _harmless(observer):
                observer.stored(method, seconds)


@contextlib.contextmanager
def _harmless(observer: Observer) -> Iterator[None]:
    """Logs what an observer raises: what it watches has happened, and must go on."""
    try:
        yield
    except Exception:
        _log.exception("%s failed", type(observer).__name__)
