"""Who is told of changes, and who is woken by new work."""

from collections.abc import Callable, Collection

from longrunning.stores.contract import Changed, Unwatch


class Watchers:
    """The watchers of one store.

    Args:
        first: called when the first watcher comes.
        last: called when the last one has gone.
    """

    def __init__(
        self, first: Callable[[], None] | None = None, last: Callable[[], None] | None = None
    ) -> None:
        self._first = first
        self._last = last
        self._watchers: dict[object, Changed] = {}

    def add(self, changed: Changed) -> Unwatch:
        """Adds a watcher; returns what removes it."""
        key = object()
        self._watchers[key] = changed
        if self._first and len(self._watchers) == 1:
            self._first()

        def unwatch() -> None:
            if self._watchers.pop(key, None) and not self._watchers and self._last:
                self._last()

        return unwatch

    def notify(self, names: Collection[str] | None) -> None:
        """Tells every watcher; None says that anything may have changed."""
        for changed in list(self._watchers.values()):
            changed(names)


class Wakers:
    """Who waits for work that can be claimed.

    They are woken by what is known to give work, and whenever anything may have changed.

    Args:
        watchers: the watchers of the same store.
    """

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers
        self._wakers: dict[object, Callable[[], None]] = {}

    def add(self, wake: Callable[[], None]) -> Unwatch:
        """Adds one to wake; returns what removes it."""
        key = object()
        self._wakers[key] = wake
        unwatch = self._watchers.add(lambda names: wake() if names is None else None)

        def end() -> None:
            self._wakers.pop(key, None)
            unwatch()

        return end

    def wake(self) -> None:
        """Wakes everyone."""
        for wake in list(self._wakers.values()):
            wake()
