"""Which operations are tasks of Ray: sending what is pending, and ending what is over."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Set
from typing import Any

import ray
from ray.exceptions import RayError, TaskCancelledError

from longrunning.engines.contract import Engine
from longrunning.engines.ray.settings import Settings
from longrunning.engines.ray.work import work
from longrunning.errors import OperationsError
from longrunning.handlers import Handler, Handlers
from longrunning.ledger import Ledger
from longrunning.lifecycle import Record, State

_log = logging.getLogger(__name__)

_GATHER_SECONDS = 0.01  # what comes in a burst is one sweep
_MARGIN_SECONDS = 2.0

# A lost task is sent again once the row says so: Ray knows neither `on_interruption` nor
# `max_attempts`, and its own retry would come while the lease still stands, and find nothing.
_TASK = ray.remote(max_retries=0)(work)


class Sent:
    """A task that is in Ray, waiting or running.

    Attributes:
        ref: Ray's reference to what it returns.
        attempt: the last attempt of the operation when it was sent.
        killing: set off once its operation is over or is to be.
    """

    def __init__(self, ref: "ray.ObjectRef[bool]", attempt: int) -> None:
        self.ref = ref
        self.attempt = attempt
        self.killing: asyncio.TimerHandle | None = None


class TaskEngine(Engine):
    """Sends a task to Ray for each operation that could be claimed; runs inside of the cluster.

    The task alone claims and writes. This engine knows what is in Ray, so that nothing is sent
    twice without need, and ends tasks whose operations are over.

    Args:
        settings: how much to send, and how often.

    Attributes:
        taking: whether it sends anything; what is in Ray already is looked after all the same.
    """

    def __init__(self, settings: Settings) -> None:
        self.taking = True
        self._settings = settings
        self._sent: dict[str, Sent] = {}
        self._not_before: dict[str, float] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._in_ray: Counter[str] = Counter()
        self._waiting = False

    @property
    def handlers(self) -> Set[str]:
        """The names of the handlers whose work it can send."""
        return self._handlers.keys()

    @property
    def names(self) -> list[str]:
        """The operations whose newest task is in Ray, waiting or running."""
        return list(self._sent)

    def __len__(self) -> int:
        """How many tasks are in Ray."""
        return len(self._following)

    async def start(self, ledger: Ledger, handlers: Handlers) -> None:
        """Begins to send."""
        self._store = ledger.store
        self._handlers = {handler.name: handler for handler in handlers}
        self._clock = asyncio.get_running_loop().time
        self._ended = False
        self._wake, self._noticed = asyncio.Event(), asyncio.Event()
        self._changed: set[str] = set()
        self._unwatch = [
            self._store.worklist.watch(self._wake.set),
            self._store.watch(self._notice),
        ]
        self._loops = [
            asyncio.create_task(self._repeat(self._wake, self._sweep)),
            asyncio.create_task(self._repeat(self._noticed, self._look)),
        ]

    def dispatch(self, name: str) -> None:  # noqa: ARG002 - whatever is oldest is next
        """Wakes the engine."""
        self._wake.set()

    async def stop(self, grace: float) -> None:  # noqa: ARG002 - what is in Ray goes on
        """Sends no more; the tasks go on as long as the process that sent them."""
        self._ended = True
        self._wake.set()
        self._noticed.set()
        for unwatch in self._unwatch:
            unwatch()
        await asyncio.gather(*self._loops)

    async def take_back(self) -> None:
        """Has Ray forget the tasks that have not begun, so that somebody else can send them."""
        for record in await self._records(self._sent):
            if record.state is State.PENDING and (sent := self._sent.get(record.name)):
                ray.cancel(sent.ref)

    async def _repeat(self, wake: asyncio.Event, act: Callable[[], Any]) -> None:
        """Acts whenever it is woken, and every `sweep_seconds`."""
        while not self._ended:
            wake.clear()
            try:
                await act()
            except OperationsError as error:
                _log.warning("the store cannot be read now: %s", error)
            except Exception:
                # Whatever it was: without this a dispatcher is dead, and would not know it.
                _log.exception("the dispatcher goes on after this")
            await asyncio.sleep(_GATHER_SECONDS)
            try:
                async with asyncio.timeout(self._settings.sweep_seconds):
                    await wake.wait()
            except TimeoutError:
                continue

    async def _sweep(self) -> None:
        """Sends what is pending and not in Ray, as far as there is room."""
        now = self._clock()
        self._not_before = {name: at for name, at in self._not_before.items() if at > now}
        self._waiting = False
        if not self.taking:
            return
        for record in await self._pending():
            sent = self._sent.get(record.name)
            if record.name in self._not_before or (sent and sent.attempt >= record.attempt):
                continue
            if self._in_ray[record.handler] < self._settings.max_tasks:
                try:
                    self._send(record)
                except Exception:  # its handler asks for what Ray refuses, 1.5 GPUs say
                    _log.exception("%s cannot be sent", record.name)
                    self._not_before[record.name] = now + self._settings.resend_seconds
            else:
                self._waiting = True

    async def _pending(self) -> Collection[Record]:
        limit = self._settings.max_tasks
        worklist = self._store.worklist
        pending = await worklist.pending(list(self._handlers), limit=limit)
        if len(pending) < limit:
            return pending
        # A long queue of one handler, for a machine that is not there say, hides no other's.
        return [
            record
            for handler in self._handlers
            for record in await worklist.pending([handler], limit=limit)
        ]

    def _send(self, record: Record) -> None:
        task = _TASK.options(name=record.name, **_needs(self._handlers[record.handler]))
        ref = task.remote(self._settings, record.name)
        if stale := self._sent.get(record.name):
            self._doom(stale, record)  # on a node that counts as dead, and may not be
        sent = self._sent[record.name] = Sent(ref, record.attempt)
        self._in_ray[record.handler] += 1
        following = asyncio.create_task(self._follow(record, sent))
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _follow(self, record: Record, sent: Sent) -> None:
        """Waits until a task has left Ray, whatever became of it."""
        claimed = False
        try:
            claimed = await sent.ref
        except TaskCancelledError:
            _log.info("the task of %s was cancelled", record.name)
        except RayError as error:
            _log.warning("the task of %s was lost: %s", record.name, error)
        if not claimed:
            self._not_before[record.name] = self._clock() + self._settings.resend_seconds
        if sent.killing:
            sent.killing.cancel()
        if self._sent.get(record.name) is sent:
            del self._sent[record.name]
        self._in_ray[record.handler] -= 1
        if self._waiting:
            self._wake.set()

    def _notice(self, names: Collection[str] | None) -> None:
        changed = self._sent.keys() if names is None else self._sent.keys() & names
        if changed:
            self._changed.update(changed)
            self._noticed.set()

    async def _look(self) -> None:
        """Ends the tasks of operations that are over, or were asked to be."""
        changed, self._changed = self._changed & self._sent.keys(), set()
        for record in await self._records(changed):
            if (sent := self._sent.get(record.name)) is None:
                continue
            if record.state is State.CANCELLED:
                # A task that waits is forgotten; one that runs lets this pass, see `work`.
                ray.cancel(sent.ref)
            if record.state is State.CANCELLING or record.state.done:
                self._doom(sent, record)

    async def _records(self, names: Iterable[str]) -> list[Record]:
        """Returns the operations that are there: the work of deleted ones is left alone."""
        records = await asyncio.gather(*(self._store.get(name) for name in names))
        return [record for record in records if record]

    def _doom(self, sent: Sent, record: Record) -> None:
        """Has a task killed if it has not ended when it should have."""
        if sent.killing is None:
            seconds = self._handlers[record.handler].grace + _MARGIN_SECONDS
            loop = asyncio.get_running_loop()
            sent.killing = loop.call_later(seconds, self._kill, sent, record.name)

    def _kill(self, sent: Sent, name: str) -> None:
        _log.warning("the task of %s does not end: its process is killed", name)
        ray.cancel(sent.ref, force=True)


def _needs(handler: Handler[Any, Any]) -> dict[str, Any]:
    """Returns what Ray is to find a place for."""
    needs = handler.resources
    return {
        "num_cpus": needs.cpus,
        "num_gpus": needs.gpus,
        "memory": needs.memory or None,
        "resources": dict(needs.custom),
    }
