"""Where every change of an operation is written: one step, one compare-and-set, one line of log."""

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence

from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import status_pb2

from longrunning import names
from longrunning.clock import Clock
from longrunning.errors import (
    AlreadyExists,
    InvalidArgument,
    OperationNotFound,
    OperationsError,
    OperationTooLarge,
)
from longrunning.identifiers import IdFactory
from longrunning.lifecycle import Record, StaleAttempt, State
from longrunning.logs import fields_of
from longrunning.observing import Observer
from longrunning.services import Service
from longrunning.statuses import status_of
from longrunning.stores import Store, Work

_log = logging.getLogger(__name__)

MAX_REQUEST_ID_LENGTH = 128

_ROOM_FOR_ERROR = 16 * 1024  # bytes; what gRPC carries of an error in its trailers is 8 KiB

Step = Callable[[Record, int], Record]
"""Takes a record and the time, and returns the next record, or the same one for "no change"."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class NewOperation:
    """What is to be created.

    Attributes:
        parent: what it belongs to, "" for nothing.
        method: the RPC that starts it, `pkg.Service/Method`, or "".
        handler: who does the work, "" if it runs elsewhere.
        caller: who starts it.
        request_id: the caller's key for repeating this, "" for none.
        request: what the work is to do.
        metadata: the first metadata, if there is any yet.
        retention: how long to keep it once done, in microseconds.
        owner: who works on it already, for work that runs elsewhere.
        lease: how long that owner may be silent, in microseconds, 0 for ever.
        conflict_key: of the operations with the same key one is under way at a time; "" for none.
        exclusive: whether another one with the key makes this one a conflict, or has it wait.
        trace: the W3C `traceparent` of whoever starts it, "" for none.
        service: through whose door it is seen.
    """

    parent: str
    method: str
    handler: str
    caller: str
    request_id: str
    request: any_pb2.Any
    metadata: any_pb2.Any | None
    retention: int
    owner: str = ""
    lease: int = 0
    conflict_key: str = ""
    exclusive: bool = False
    trace: str = ""
    service: Service


class Ledger:
    """Creates and advances the operations of one store.

    Args:
        store: keeps them.
        clock: the time of every change.
        domain: the `ErrorInfo.domain` of errors in operations.
        max_operation_bytes: how large a serialized operation may become; the error that ends one
            has room besides.
        observer: is told of every change; None for nobody.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock,
        domain: str,
        max_operation_bytes: int,
        observer: Observer | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self.observer = observer
        self.domain = domain
        self._max_operation_bytes = max_operation_bytes
        self._new_id = IdFactory()

    async def create(self, new: NewOperation) -> Record:
        """Adds an operation; it is on disk when this returns.

        Returns:
            The new record, or that of the same request made before.

        Raises:
            InvalidArgument: the parent is malformed, or the request id is.
            AlreadyExists: the request id stands for another request.
            OperationConflict: it is exclusive, and another one with its key is under way.
            OperationTooLarge: the operation would be too large.
        """
        names.check_parent(new.parent)
        _check_request_id(new.request_id)
        now = self.clock()
        operation_id = self._new_id(now)
        name = new.service.name_format.write(new.parent, operation_id)
        request = new.request.SerializeToString(deterministic=True)
        digest = hashlib.sha256(request).digest()
        operation = operations_pb2.Operation(name=name, metadata=new.metadata)
        record = Record(
            name=name,
            id=operation_id,
            parent=new.parent,
            method=new.method,
            handler=new.handler,
            caller=new.caller,
            request_id=new.request_id,
            request_digest=digest,
            # Work that runs elsewhere is under way when its operation is made.
            state=State.PENDING if new.handler else State.RUNNING,
            revision=1,
            attempt=0 if new.handler else 1,
            owner=new.owner,
            create_time=now,
            update_time=now,
            expire_time=0,
            retention=new.retention,
            operation=operation.SerializeToString(),
            service=new.service.name,
            lease=new.lease,
            conflict_key=new.conflict_key,
            exclusive=new.exclusive,
            trace=new.trace,
        )
        self._check_size(len(record.operation))
        if record.lease:
            # Before the record is there: one without a living owner is an orphan.
            await self.store.worklist.beat(record.owner, now=now, lease=record.lease)
        kept = await self.store.create(record, request)
        # Where no RPC starts the work, its handler is what was asked for.
        another_handler = not new.method and kept.handler != new.handler
        if kept.request_digest != digest or another_handler:
            raise AlreadyExists(
                f"The request id {new.request_id!r} was used before, with a different request.",
                reason="REQUEST_ID_REUSED",
                metadata={"request_id": new.request_id},
            )
        if kept is record:
            self._tell(None, record)
        return kept

    async def advance(
        self,
        name: str,
        step: Step,
        *,
        attempt: int | None = None,
        known: Record | None = None,
        checkpoint: bytes | None = None,
    ) -> Record:
        """Takes one step, again from the newest revision whenever somebody else was faster.

        Args:
            name: the operation.
            step: decides what to write; may be called several times.
            attempt: whose write this is, if it is a worker's.
            known: the newest record that the caller has, which saves a read.
            checkpoint: what the work leaves for its next attempt; None leaves what there is.

        Returns:
            The record after the step.

        Raises:
            OperationNotFound: it is gone.
            IllegalTransition: its state does not allow the step.
            StaleAttempt: a newer attempt holds the work.
            OperationTooLarge: the operation would become too large.
        """
        record = known or await self.store.get(name)
        while record is not None:
            if attempt not in (None, record.attempt):
                raise StaleAttempt(record, attempt or 0)
            changed = step(record, self.clock())
            if changed is record:
                return record
            self._check_size(len(changed.operation), changed, record)
            if changed.state.done:
                checkpoint = b""  # there is no next attempt
            elif checkpoint:
                self._check_size(len(checkpoint))
            if await self.store.replace(changed, checkpoint):
                self._tell(record, changed)
                return changed
            record = await self.store.get(name)
        raise OperationNotFound(name)

    async def claim(
        self,
        room: Mapping[str, int],
        take: Callable[[Record], Record],
        *,
        limit: int,
        name: str | None = None,
    ) -> Sequence[Work]:
        """Takes pending work; how an engine gets any.

        See `Worklist.claim` for the arguments, and for what it returns.

        Raises:
            OperationsError: the store cannot serve it now.
        """
        before: dict[str, Record] = {}

        def remember(record: Record) -> Record:
            before[record.name] = record
            return take(record)

        taken = await self.store.worklist.claim(room, remember, limit=limit, name=name)
        for work in taken:
            self._tell(before[work.record.name], work.record)
        return taken

    async def delete(self, record: Record) -> bool:
        """Removes an operation, whatever its state; returns whether it was there."""
        deleted = await self.store.delete(record.name)
        if deleted:
            extra = fields_of(record) | {"state": "deleted"}
            _log.info("%s is deleted", record.name, extra=extra)
        return deleted

    def status_of(self, error: OperationsError) -> status_pb2.Status:
        """Returns an error as an operation carries it."""
        return status_of(error, self.domain)

    def _check_size(
        self, size: int, record: Record | None = None, before: Record | None = None
    ) -> None:
        limit = self._max_operation_bytes
        if before and record and record.state in (State.FAILED, State.CANCELLED):
            # Every operation has to end, one that has no room left for its end too.
            limit = max(limit, len(before.operation) + _ROOM_FOR_ERROR)
        if size > limit:
            raise OperationTooLarge(size, limit)

    def _tell(self, before: Record | None, after: Record) -> None:
        """Says what was written, in one line of log and to whoever observes."""
        level = logging.DEBUG if before and before.state is after.state else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(
                level,
                "%s is %s (revision %d, attempt %d)",
                after.name,
                after.state,
                after.revision,
                after.attempt,
                extra=fields_of(after),
            )
        if self.observer:
            self.observer.changed(before, after)


def _check_request_id(request_id: str) -> None:
    if len(request_id) > MAX_REQUEST_ID_LENGTH or not request_id.isprintable():
        raise InvalidArgument(
            f"The request id has {len(request_id)} characters: expected at most "
            f"{MAX_REQUEST_ID_LENGTH} printable ones, such as a UUID.",
            field="request_id",
            reason="INVALID_REQUEST_ID",
            metadata={"length": str(len(request_id))},
        )
