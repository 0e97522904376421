"""Who waits for operations to be done."""

import asyncio
import enum
import logging
from collections.abc import Collection, Sequence

from longrunning.errors import OperationsError
from longrunning.lifecycle import Record
from longrunning.observing import Observer
from longrunning.stores import Store
from longrunning.stores.contract import Unwatch

_log = logging.getLogger(__name__)

_LOOKS = 100
_RETRY_SECONDS = 0.5


class _Look(enum.Enum):
    """What somebody is woken with who has to look for himself: his time is over."""

    AGAIN = enum.auto()


_Woken = asyncio.Future[Record | _Look | None]


class Waiters:
    """Holds the callers of WaitOperation until their operations change for good.

    A change is looked at once, however many wait for it, and only what is done (or gone) wakes
    them. The store is watched while anybody waits, and not otherwise.

    Args:
        store: is asked, and watched.
        observer: is told who comes and goes; None for nobody.
    """

    def __init__(self, store: Store, observer: Observer | None = None) -> None:
        self._store = store
        self._observer = observer
        self._waiting: dict[str, set[_Woken]] = {}
        self._unwatch: Unwatch | None = None
        self._changed: set[str] = set()
        self._looking: asyncio.Task[None] | None = None
        self._draining = False

    async def wait(self, name: str, seconds: float) -> Record | None:
        """Returns the record when it is done, or as it is when the time is over.

        Args:
            name: the operation.
            seconds: how long to wait at most.

        Returns:
            None if there is no such operation, or no longer.
        """
        loop = asyncio.get_running_loop()
        woken: _Woken = loop.create_future()
        self._add(name, woken)
        try:
            record = await self._store.get(name)
            if record is None or record.state.done or self._draining or seconds <= 0:
                return record
            del record  # thousands wait: what each of them holds meanwhile adds up
            over = loop.call_later(seconds, _wake_one, woken, _Look.AGAIN)
            try:
                found = await woken
            finally:
                over.cancel()
        finally:
            self._remove(name, woken)
        return await self._store.get(name) if found is _Look.AGAIN else found

    def drain(self) -> None:
        """Answers everyone who waits with the latest state, and from now on at once."""
        self._draining = True
        for waiting in self._waiting.values():
            for woken in waiting:
                _wake_one(woken, _Look.AGAIN)

    def _add(self, name: str, woken: _Woken) -> None:
        self._waiting.setdefault(name, set()).add(woken)
        if self._observer:
            self._observer.waiting(1)
        if self._unwatch is None:
            self._unwatch = self._store.watch(self._notice)

    def _remove(self, name: str, woken: _Woken) -> None:
        waiting = self._waiting[name]
        waiting.discard(woken)
        if self._observer:
            self._observer.waiting(-1)
        if not waiting:
            del self._waiting[name]
        if not self._waiting and self._unwatch:
            self._unwatch()
            self._unwatch = None
            self._changed.clear()

    def _notice(self, names: Collection[str] | None) -> None:
        if names is None:
            self._changed.update(self._waiting)
        else:
            self._changed.update(name for name in names if name in self._waiting)
        if self._changed and self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        try:
            while self._changed:
                names = [self._changed.pop() for _ in range(min(_LOOKS, len(self._changed)))]
                try:
                    await self._look_at(names)
                except OperationsError as error:
                    _log.warning("cannot look at what is waited for: %s", error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    # The store has told of these changes, and need not do so again.
                    self._changed.update(name for name in names if name in self._waiting)
        finally:
            self._looking = None

    async def _look_at(self, names: Sequence[str]) -> None:
        # Together, so that a store which can answers them in one round trip.
        records = await asyncio.gather(*(self._store.get(name) for name in names))
        for name, record in zip(names, records, strict=True):
            if record is None or record.state.done:
                self._wake(name, record)

    def _wake(self, name: str, record: Record | None) -> None:
        """Hands a record that is done, or gone, to everyone who waits for it."""
        for woken in self._waiting.get(name, ()):
            _wake_one(woken, record)


def _wake_one(woken: _Woken, found: Record | _Look | None) -> None:
    if not woken.done():
        woken.set_result(found)
