"""What can be seen of operations from outside."""

import contextlib
from contextlib import AbstractContextManager

from longrunning.lifecycle import Record


class Observer:
    """Is told of the life of operations; a subclass says what to make of it.

    The methods are called on the event loop, in the midst of the work, so they must be quick. What
    they raise is logged, and changes nothing. Where nobody observes, none of this is there: no
    call, and nothing around the store.
    """

    def trace(self) -> str:
        """Returns the W3C `traceparent` of what is under way here, "" for none.

        It is asked for when an operation starts, and kept with it.
        """
        return ""

    def changed(self, before: Record | None, after: Record) -> None:
        """A revision was written; it is on disk.

        Args:
            before: the revision before it, None for a new operation.
            after: the operation as it is now.
        """

    def attempt(self, record: Record) -> AbstractContextManager[None]:
        """Returns a context that one attempt runs in.

        It is entered before the handler is called, in the context that the handler inherits, and
        left once the handler has returned and its outcome is written.

        Args:
            record: as the claim left it.
        """
        del record
        return contextlib.nullcontext()

    def failed(self, record: Record, error: Exception) -> None:
        """A handler raised an exception.

        Args:
            record: the operation, within its `attempt`.
            error: what was raised; clients may not be told of it.
        """

    def waiting(self, change: int) -> None:
        """A caller of WaitOperation has come (1) or gone (-1)."""

    def stored(self, method: str, seconds: float) -> None:
        """A call of the store has ended, one way or the other.

        Args:
            method: of `Store` or `Worklist`, such as `get` or `claim`.
            seconds: how long it took.
        """
