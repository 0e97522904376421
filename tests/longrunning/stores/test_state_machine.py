"""Every store against a model: two writers take steps from fresh and from stale revisions."""

import asyncio
import itertools
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from longrunning import Store, lifecycle
from longrunning.errors import OperationConflict
from longrunning.filters import Bounds
from longrunning.lifecycle import TRANSITIONS, Event, IllegalTransition, Record, State
from longrunning.stores import Query, Work
from tests.longrunning.stores.records import FAILURE, NOW, new_record, packed
from tests.longrunning.stores.storages import Storage

STEPS: dict[Event, Callable[[Record, int, int], Record]] = {
    Event.CLAIM: lambda record, value, now: lifecycle.claim(record, owner=f"w{value}", now=now),
    Event.REPORT: lambda record, value, now: lifecycle.report(record, packed(value), now=now),
    Event.CHECKPOINT: lambda record, _, now: lifecycle.checkpoint(record, now=now),
    Event.REQUEST_CANCEL: lambda record, _, now: lifecycle.request_cancel(record, now=now),
    Event.SUCCEED: lambda record, value, now: lifecycle.succeed(record, packed(value), now=now),
    Event.FAIL: lambda record, _, now: lifecycle.fail(record, FAILURE, now=now),
    Event.CANCEL: lambda record, _, now: lifecycle.cancel(record, now=now),
    Event.RELEASE: lambda record, _, now: lifecycle.release(record, now=now),
}

EXAMPLES = int(os.environ.get("LRO_EXAMPLES", "20"))  # `make soak` asks for more
RETENTION = 20
WRITERS = st.sampled_from([0, 1])
WHICH = st.integers(0, 10)
EVENTS = st.sampled_from(list(Event))
CHECKPOINTS = st.sampled_from([None, None, b"", b"one", b"two"])
CLAIMED = (State.RUNNING, State.CANCELLING)


class Lifecycles(RuleBasedStateMachine):
    """Keeps what the stores must hold; an example has a parent of its own in a shared store."""

    run: ClassVar[Callable[[Coroutine[Any, Any, Any]], Any]]
    writers: ClassVar[tuple[Store, Store]]
    examples: ClassVar = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.parent = f"examples/{next(self.examples)}"
        self.model: dict[str, Record] = {}
        self.requests: dict[str, bytes] = {}
        self.checkpoints: dict[str, bytes] = {}
        self.seen: list[Record] = []
        self.now = NOW

    @rule(
        writer=WRITERS,
        request_id=st.sampled_from(["", "", "a", "b"]),
        conflict_key=st.sampled_from(["", "", "k", "l"]),
        exclusive=st.booleans(),
    )
    def create(self, writer: int, request_id: str, conflict_key: str, exclusive: bool) -> None:
        self.now += 1
        record = new_record(
            parent=self.parent,
            request_id=request_id,
            conflict_key=conflict_key,
            exclusive=exclusive,
            retention=RETENTION,
            now=self.now,
        )
        expected = next(
            (r for r in self.model.values() if request_id and r.request_id == request_id), record
        )
        request = b"request of " + record.name.encode()
        if expected is record and exclusive and (others := self._unfinished(conflict_key)):
            with pytest.raises(OperationConflict) as refused:
                self.run(self.writers[writer].create(record, request))
            assert refused.value.metadata["name"] in [other.name for other in others]
            return
        assert self.run(self.writers[writer].create(record, request)) == expected
        if expected is record:
            self.requests[record.name] = request
            self.checkpoints[record.name] = b""
            self._stored(record)

    @rule(
        writer=WRITERS, which=WHICH, event=EVENTS, value=st.integers(0, 3), checkpoint=CHECKPOINTS
    )
    def step(
        self, writer: int, which: int, event: Event, value: int, checkpoint: bytes | None
    ) -> None:
        """One writer takes a step from whatever revision it has seen."""
        base = self._recalled(which)
        changed = base and self._taken(base, event, value)
        if base is None or changed is None:
            return
        wins = self.model.get(base.name) == base
        if wins and self._is_barred(changed):
            with pytest.raises(OperationConflict):
                self.run(self.writers[writer].replace(changed, checkpoint))
            return
        assert self.run(self.writers[writer].replace(changed, checkpoint)) is wins
        if wins:
            self._stored(changed)
            if checkpoint is not None:
                self.checkpoints[base.name] = checkpoint

    @rule(which=WHICH, events=st.tuples(EVENTS, EVENTS), value=st.integers(0, 3))
    def race(self, which: int, events: tuple[Event, Event], value: int) -> None:
        """Both writers take a step from the same revision at the same time."""
        base = self._recalled(which)
        racing = [base and self._taken(base, event, value + n) for n, event in enumerate(events)]
        if base is None or None in racing:
            return

        async def replace(writer: Store, to: Record) -> bool:
            try:
                return await writer.replace(to)
            except OperationConflict:
                assert self._is_barred(to)
                return False

        async def race() -> list[bool]:
            return await asyncio.gather(
                *(replace(writer, to) for writer, to in zip(self.writers, racing, strict=True))
            )

        won = self.run(race())
        if self.model.get(base.name) == base and not all(map(self._is_barred, racing)):
            assert sorted(won) == [False, True]
            self._stored(racing[won.index(True)])
        else:
            assert won == [False, False]

    @rule(writer=WRITERS, which=WHICH)
    def delete(self, writer: int, which: int) -> None:
        if base := self._recalled(which):
            assert self.run(self.writers[writer].delete(base.name)) is (base.name in self.model)
            self._forget(base.name)

    @rule(writer=WRITERS, later=st.integers(0, 3 * RETENTION))
    def purge(self, writer: int, later: int) -> None:
        self.now += later
        expired = [r.name for r in self.model.values() if 0 < r.expire_time < self.now]
        assert self.run(self.writers[writer].purge(now=self.now, limit=1000)) >= len(expired)
        for name in expired:
            self._forget(name)

    @rule(writer=WRITERS, limit=st.integers(1, 4), done=st.sampled_from([None, True, False]))
    def list_in_pages(self, writer: int, limit: int, done: bool | None) -> None:
        position, listed = "", []
        while True:
            query = Query(
                parent=self.parent, bounds=Bounds(done=done), before=position, limit=limit
            )
            page = self.run(self.writers[writer].list(query))
            listed += page.records
            if not page.position:
                break
            position = page.position
        wanted = [r for r in self.model.values() if done in (None, r.state.done)]
        assert listed == sorted(wanted, key=lambda record: record.id, reverse=True)

    @rule(writer=WRITERS, room=st.integers(0, 3), limit=st.integers(0, 3))
    def claim(self, writer: int, room: int, limit: int) -> None:
        expected = self._claimable()[: min(room, limit)]
        assert self._claimed([self.writers[writer]], room, limit) == [expected]

    @rule(most=st.integers(1, 3))
    def claim_at_once(self, most: int) -> None:
        """Both writers claim at the same time: the oldest, each taken by one of them."""
        expected = self._claimable()[: 2 * most]
        first, second = self._claimed(self.writers, most, most)
        assert sorted(first + second) == expected

    @invariant()
    def both_see_the_same(self) -> None:
        async def read() -> list[Record | None]:
            return await asyncio.gather(
                *(writer.get(name) for name in self.model for writer in self.writers)
            )

        expected = [record for record in self.model.values() for _ in self.writers]
        assert self.run(read()) == expected

    @invariant()
    def what_is_done_has_one_outcome(self) -> None:
        for record in self.model.values():
            operation = record.message()
            assert operation.done is record.state.done
            assert (operation.WhichOneof("result") is not None) is operation.done

    def _claimed(self, writers: Sequence[Store], room: int, limit: int) -> list[list[str]]:
        """The ids that each of these writers gets, all at once; checks what else it gets."""
        self.now += 1

        def take(record: Record) -> Record:
            return lifecycle.claim(record, owner="claimer", now=self.now)

        async def claim() -> list[Sequence[Work]]:
            claims = [w.worklist.claim({"scan": room}, take, limit=limit) for w in writers]
            return await asyncio.gather(*claims)

        claimed = self.run(claim())
        for work in itertools.chain(*claimed):
            name = work.record.name
            assert work.record == take(self.model[name])
            assert work.request == self.requests[name]
            assert work.checkpoint == self.checkpoints[name]
            self._stored(work.record)
        return [[work.record.id for work in works] for works in claimed]

    def _claimable(self) -> list[str]:
        """The ids of what may be claimed, the oldest first."""
        return sorted(
            record.id
            for record in self.model.values()
            if record.state is State.PENDING
            and not any(
                other.id < record.id or other.state in CLAIMED
                for other in self._unfinished(record.conflict_key)
            )
        )

    def _unfinished(self, conflict_key: str) -> list[Record]:
        return [
            record
            for record in self.model.values()
            if conflict_key and record.conflict_key == conflict_key and not record.state.done
        ]

    def _is_barred(self, record: Record) -> bool:
        """Whether another operation of its key is claimed, and it would be too."""
        return record.state in CLAIMED and any(
            other.state in CLAIMED and other.id != record.id
            for other in self._unfinished(record.conflict_key)
        )

    def _taken(self, base: Record, event: Event, value: int) -> Record | None:
        """The record after a step; None where there is none or nothing to change."""
        self.now += 1
        try:
            changed = STEPS[event](base, value, self.now)
        except IllegalTransition:
            assert (base.state, event) not in TRANSITIONS
            return None
        assert not base.state.done or changed is base
        return None if changed is base else changed

    def _recalled(self, which: int) -> Record | None:
        """One of all the revisions that anybody has seen: what a slow writer may still hold.

        Numbers choose it, so that what is generated does not hang on who won a race; the newest are
        the likeliest.
        """
        return self.seen[-1 - which % len(self.seen)] if self.seen else None

    def _stored(self, record: Record) -> None:
        self.model[record.name] = record
        self.seen.append(record)

    def _forget(self, name: str) -> None:
        self.model.pop(name, None)
        self.requests.pop(name, None)
        self.checkpoints.pop(name, None)

    def teardown(self) -> None:
        for name in self.model:
            self.run(self.writers[0].delete(name))


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    """Runs coroutines to their end on one loop, from rules that are plain functions."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.close()


def test_every_store_keeps_to_the_model(
    storage: Storage, run: Callable[[Coroutine[Any, Any, Any]], Any]
) -> None:
    runs, first, second = run, storage.store(), storage.store()
    for store in {first, second}:
        run(store.open())

    class Machine(Lifecycles):
        run = staticmethod(runs)
        writers = (first, second)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
    for store in {first, second}:
        run(store.close())
