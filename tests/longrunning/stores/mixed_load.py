"""A process that works on a store until it is killed, and says what was acknowledged to it.

    python -m tests.longrunning.stores.mixed_load STORE_URL

A line of output is written when a call has returned: the name, the revision, and the digest of the
operation's bytes; in place of the revision, -1 says that a deletion begins, and 0 that it took
place. A line is shorter than a pipe writes whole.
"""

import asyncio
import hashlib
import os
import random
import sys

from google.longrunning import operations_pb2
from google.protobuf import any_pb2

from longrunning import lifecycle
from longrunning.clock import system_clock
from longrunning.errors import OperationsError
from longrunning.ledger import Ledger
from longrunning.lifecycle import Record, State
from longrunning.stores import store_from_url
from tests.longrunning.stores.records import new_record

CALLERS = 16
DELETING, DELETED = -1, 0


def digest_of(record: Record) -> str:
    return hashlib.sha256(record.operation).hexdigest()[:16]


def acknowledge(name: str, revision: int, digest: str = "-") -> None:
    os.write(1, f"{name} {revision} {digest}\n".encode())


def any_of(size: int) -> any_pb2.Any:
    return any_pb2.Any(type_url="type.googleapis.com/test.Bytes", value=random.randbytes(size))


async def live(ledger: Ledger) -> None:
    """One operation's life, with reports, a cancellation or a deletion in it."""
    request = random.randbytes(random.choice([0, 100, 5000]))
    record = await ledger.store.create(new_record(now=system_clock()), request)
    acknowledge(record.name, record.revision, digest_of(record))
    steps = [lambda record, now: lifecycle.claim(record, owner="worker", now=now)]
    steps += [
        lambda record, now: lifecycle.report(record, any_of(random.choice([10, 20_000])), now=now)
    ] * random.randrange(3)
    if random.random() < 0.3:
        steps.append(lambda record, now: lifecycle.request_cancel(record, now=now))
    steps.append(lambda record, now: lifecycle.succeed(record, any_of(100), now=now))
    for step in steps:
        record = await ledger.advance(record.name, step)
        acknowledge(record.name, record.revision, digest_of(record))
    if random.random() < 0.2:
        acknowledge(record.name, DELETING)
        await ledger.store.delete(record.name)
        acknowledge(record.name, DELETED)


async def main(url: str) -> None:
    store = store_from_url(url)
    await store.open()
    ledger = Ledger(store, clock=system_clock, domain="test", max_operation_bytes=1_000_000)

    async def caller() -> None:
        while True:
            await live(ledger)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


def check(record: Record) -> None:
    """Raises if half of a record is there."""
    operation = operations_pb2.Operation.FromString(record.operation)
    assert operation.name == record.name
    assert operation.done is record.state.done
    assert (operation.WhichOneof("result") is not None) is operation.done
    assert (record.expire_time > 0) is operation.done
    if record.state is State.PENDING:
        assert (record.revision, record.attempt) == (1, 0)


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1]))
    except OperationsError as error:
        sys.exit(str(error))
