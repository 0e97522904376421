"""A thousand callers at the same operations: one outcome each, the same on every reader."""

import asyncio
import random
from collections import Counter, defaultdict

from google.rpc import code_pb2

from longrunning import Store, lifecycle
from longrunning.errors import FailedPrecondition, OperationNotFound
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import Record, State
from tests.longrunning.stores.records import FAILURE, NOW, new_record, packed

STEPS: dict[str, Step] = {
    "cancel": lambda record, now: lifecycle.request_cancel(record, now=now),
    "succeed": lambda record, now: lifecycle.succeed(record, packed(1), now=now),
    "fail": lambda record, now: lifecycle.fail(record, FAILURE, now=now),
    "cancelled": lambda record, now: lifecycle.cancel(record, now=now),
}


async def test_a_thousand_callers_leave_one_outcome_each(store: Store, another: Store) -> None:
    ledgers = [
        Ledger(each, clock=lambda: NOW, domain="test", max_operation_bytes=10_000)
        for each in (store, another)
    ]
    records = [new_record(state=State.RUNNING) for _ in range(20)]
    for record in records:
        await store.create(record, b"")
    chance = random.Random(3)
    wins: dict[str, list[Record]] = defaultdict(list)
    deletions: Counter[str] = Counter()

    async def call(number: int) -> None:
        record = records[number % len(records)]
        ledger = ledgers[chance.randrange(2)]
        what = chance.choice([*STEPS, *STEPS, "delete"] if record in records[:10] else [*STEPS])
        try:
            if what == "delete":
                deleted = await ledger.store.delete(record.name)
                deletions[record.name] += deleted
                return
            after = await ledger.advance(record.name, STEPS[what])
        except (OperationNotFound, FailedPrecondition):
            return
        if what != "cancel":
            wins[record.name].append(after)

    await asyncio.gather(*(call(number) for number in range(1000)))

    for record in records:
        seen = await store.get(record.name)
        assert await another.get(record.name) == seen
        assert len(wins[record.name]) <= 1
        if deletions[record.name]:
            assert deletions[record.name] == 1
            assert seen is None
        else:
            assert [seen] == wins[record.name]
            operation = seen.message()
            assert operation.done
            assert operation.WhichOneof("result") is not None
            if seen.state is State.CANCELLED:
                assert operation.error.code == code_pb2.CANCELLED
    assert sum(deletions.values()) >= 5
