"""Records to fill stores with."""

import hashlib
from typing import Any

from google.longrunning import operations_pb2
from google.protobuf import any_pb2, wrappers_pb2
from google.rpc import code_pb2, status_pb2

from longrunning import lifecycle
from longrunning.identifiers import IdFactory
from longrunning.lifecycle import Record, State

NOW = 1_800_000_000_000_000
PARENT = "projects/p/locations/l"
DAY = 24 * 60 * 60 * 1_000_000
FAILURE = status_pb2.Status(code=code_pb2.NOT_FOUND, message="The file is gone.")

_new_id = IdFactory()


def packed(value: int) -> any_pb2.Any:
    result = any_pb2.Any()
    result.Pack(wrappers_pb2.Int64Value(value=value))
    return result


def new_record(
    *,
    parent: str = PARENT,
    state: State = State.PENDING,
    metadata: any_pb2.Any | None = None,
    request: bytes = b"",
    now: int = NOW,
    **changes: Any,
) -> Record:
    """Returns a record as `Ledger.create` makes them, with these fields."""
    identity = _new_id(now)
    name = f"{parent}/operations/{identity}" if parent else f"operations/{identity}"
    operation = operations_pb2.Operation(name=name, metadata=metadata)
    fields = {
        "name": name,
        "id": identity,
        "parent": parent,
        "method": "pkg.Scanner/Scan",
        "handler": "scan",
        "caller": "somebody",
        "request_id": "",
        "request_digest": hashlib.sha256(request).digest(),
        "state": state,
        "revision": 1,
        "attempt": 0,
        "owner": "",
        "create_time": now,
        "update_time": now,
        "expire_time": 0,
        "retention": DAY,
        "operation": operation.SerializeToString(),
    }
    return Record(**(fields | changes))


def succeeded(record: Record, value: int = 1, *, now: int = NOW) -> Record:
    """The next revisions of a pending record, up to its success."""
    running = lifecycle.claim(record, owner="worker", now=now)
    return lifecycle.succeed(running, packed(value), now=now)


def claimed(record: Record, owner: str = "worker") -> Record:
    return lifecycle.claim(record, owner=owner, now=NOW)
