"""The operations that benchmarks read: half a kilobyte each, of types that every peer knows."""

import time
from collections.abc import Iterator

from google.longrunning import operations_pb2
from google.rpc import status_pb2

from longrunning.identifiers import IdFactory
from longrunning.lifecycle import Record, State

PARENT = "projects/p/locations/l"
OTHERS = [f"projects/p{number}/locations/l" for number in range(9)]

REQUEST = b"request" * 20

# Any message would do; REST has to show it, and these are in every descriptor set of the service.
_METADATA = operations_pb2.ListOperationsRequest(name="x" * 60, filter="y" * 56)
_RESPONSE = operations_pb2.ListOperationsRequest(name="z" * 58)
_ERROR = status_pb2.Status(code=13, message="It broke.")
_STATES = [State.SUCCEEDED] * 8 + [State.FAILED, State.RUNNING]


def operation(name: str, state: State = State.SUCCEEDED) -> operations_pb2.Operation:
    """Returns an operation as clients see it."""
    made = operations_pb2.Operation(name=name, done=state.done)
    made.metadata.Pack(_METADATA)
    if state is State.SUCCEEDED:
        made.response.Pack(_RESPONSE)
    elif state is State.FAILED:
        made.error.CopyFrom(_ERROR)
    return made


def records(count: int) -> Iterator[Record]:
    """Yields operations, six in ten of one parent, nine in ten of them done.

    The work of the others runs elsewhere, so that no server thinks that it was lost.
    """
    new_id, now = IdFactory(), time.time_ns() // 1000 - count * 1000
    for number in range(count):
        now += 1000
        identity = new_id(now)
        parent = PARENT if number % 10 < 6 else OTHERS[number // 10 % 9]
        state = _STATES[number * 7 // 3 % 10]
        name = f"{parent}/operations/{identity}"
        yield Record(
            name=name, id=identity, parent=parent, method="bench.Scanner/Scan",
            handler="scan" if state.done else "", caller="", request_id="",
            request_digest=b"d" * 32, state=state, revision=3, attempt=1, owner="",
            create_time=now, update_time=now,
            expire_time=now + 10**13 if state.done else 0, retention=10**13,
            operation=operation(name, state).SerializeToString(),
        )  # fmt: skip
