"""`Operations`: the one object that a service holds."""

import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from google.api import service_pb2
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import Message

from longrunning.auth.authorizer import Authorizer
from longrunning.auth.caller import Caller, caller_of
from longrunning.auth.permission import Permission
from longrunning.clock import Clock, microseconds, system_clock
from longrunning.engines import Engine, InProcessEngine
from longrunning.handlers import Handler, Handlers
from longrunning.ledger import Ledger, NewOperation
from longrunning.lifecycle import State
from longrunning.observing import ObservedStore, Observer, Observers
from longrunning.packing import pack
from longrunning.purging import Purging
from longrunning.recovery import Recovery
from longrunning.reporting import Reporting
from longrunning.services import Service, service_of
from longrunning.starting import CallContext, create_for
from longrunning.stores import Store
from longrunning.traces import traceparent_of
from longrunning.view import Limits, Session, View
from longrunning.waiters import Waiters

if TYPE_CHECKING:
    from longrunning.portal import Portal


class Operations(Reporting):
    """Owns the state of long-running operations, and runs their work.

    It is the view of all of them besides: `get`, `list`, `wait`, `cancel`, `delete`; and work that
    runs elsewhere says what comes of it: `report`, `succeed`, `fail`, `cancelled`.

    Nothing is opened by making one. Open it with `async with operations:`, with
    `FastAPI(lifespan=operations.lifespan)`, let `App` do so, or, where nothing is async, use
    `with operations.portal() as ops:`.

    Args:
        store: where the operations are kept.
        engine: who runs the work; by default this process does.
        domain: the `ErrorInfo.domain` of errors, such as `scanner.example.com`.
        page_size: how many operations a list has whose caller names no number.
        max_page_size: what larger page sizes are lowered to.
        max_wait: how long WaitOperation waits at most, in seconds.
        max_operation_bytes: how large a serialized operation may become.
        retention: how long operations are kept once done, in seconds.
        drain: how long running work may take to finish when this is closed, in seconds.
        filter_aliases: short names that filters understand, each a path into the operation, such as
            `{"startTime": "metadata.start_time"}`.
        sweep_seconds: how often to look for work whose worker is gone.
        authorizer: decides what callers may do; None lets everyone do everything. It is asked about
            RPCs alone: what the service itself does here, it may do.
        observers: are told of all that happens, such as `longrunning.telemetry.Tracing()`.
        clock: returns the time in microseconds since the Unix epoch.
    """

    def __init__(
        self,
        store: Store,
        *,
        engine: Engine | None = None,
        domain: str = "longrunning",
        page_size: int = 50,
        max_page_size: int = 1000,
        max_wait: float = 300.0,
        max_operation_bytes: int = 1024 * 1024,
        retention: float = 30 * 24 * 60 * 60,
        drain: float = 10.0,
        filter_aliases: Mapping[str, str] | None = None,
        sweep_seconds: float = 1.0,
        authorizer: Authorizer | None = None,
        observers: Sequence[Observer] = (),
        clock: Clock = system_clock,
    ) -> None:
        super().__init__(
            lambda: self._open,
            Handlers(),
            Limits(page_size=page_size, max_page_size=max_page_size, max_wait=max_wait),
            Service(filter_aliases=dict(filter_aliases or {})),
            domain,
        )
        self.handler = self._handlers.handler
        self.store = store
        self.drain_seconds = drain
        self.engine = engine or InProcessEngine()
        self.observers = tuple(observers)
        self._retention = retention
        self._sweep_seconds = sweep_seconds
        self.clock = clock
        self.authorizer = authorizer
        self._max_operation_bytes = max_operation_bytes
        self._services: dict[str, Service] = {}
        self._opened: Session | None = None

    # Starting work that a handler does.

    async def start(
        self,
        handler: Handler[Any, Any],
        request: Message,
        *,
        context: CallContext | None = None,
        parent: str = "",
        request_id: str = "",
        retention: float | None = None,
    ) -> operations_pb2.Operation:
        """Creates an operation and has its handler do the work.

        The operation is on disk before this returns.

        Args:
            handler: what `handler` made of the function.
            request: what the handler gets.
            context: the RPC that starts it: a refusal ends the RPC with the right status.
            parent: what the operation belongs to, `projects/p/locations/l`, or "".
            request_id: makes the call safe to repeat; unique per caller, method and parent.
            retention: how long to keep it once done, in seconds, where not as the handler says.

        Raises:
            InvalidArgument: the parent is malformed.
            PermissionDenied: the caller may not start this below the parent.
            AlreadyExists: the request id stands for a different request.
            OperationConflict: another operation with the same conflict key is under way.
            OperationTooLarge: the operation would be larger than is kept.
            TypeError: the handler is not one of this object, or its `conflict` returns no text.

        Spec: AIP-151, AIP-155
        """
        if handler not in self._handlers:
            raise TypeError(f"{handler!r} is not a handler of this Operations")
        if retention is None:
            retention = self._retention if handler.retention is None else handler.retention
        service = self._service_of(handler.method)
        permission = self._permission_to_start(
            caller_of(context), service, handler.method or handler.name
        )
        new = NewOperation(
            parent=parent,
            method=handler.method,
            handler=handler.name,
            caller=permission.caller_id,
            request_id=request_id,
            request=pack(request),
            metadata=None,
            retention=microseconds("retention", retention),
            conflict_key=handler.conflict_key(request),
            exclusive=handler.on_conflict == "refuse",
            trace=self._trace_of(context),
            service=service,
        )
        ledger = self._open.ledger
        record = await create_for(context, new, permission=permission, ledger=ledger)
        if record.state is State.PENDING:
            self.engine.dispatch(record.name)
        return record.message()

    def _permission_to_start(
        self, caller: Caller | None, service: Service, method: str
    ) -> Permission:
        return Permission(self.authorizer, caller, service.name or "", method.replace("/", "."))

    # Work that runs elsewhere.

    async def create(
        self,
        *,
        parent: str = "",
        metadata: Message | None = None,
        method: str = "",
        request: Message | None = None,
        context: CallContext | None = None,
        request_id: str = "",
        retention: float | None = None,
        lease: float | None = None,
    ) -> operations_pb2.Operation:
        """Creates an operation whose work runs elsewhere, and is under way.

        Args:
            parent: what the operation belongs to, or "".
            metadata: its first metadata.
            method: the RPC that starts it, `pkg.Service/Method`.
            request: what `request_id` stands for.
            context: the RPC that starts it: a refusal ends the RPC with the right status.
            request_id: makes the call safe to repeat.
            retention: how long to keep it once done, in seconds.
            lease: after how many seconds without a report the work counts as lost: the operation
                then ends as ABORTED, with reason WORKER_LOST. None waits for ever.

        Raises:
            InvalidArgument: the parent is malformed.
            PermissionDenied: the caller may not start this below the parent.
            AlreadyExists: the request id stands for a different request.
            OperationTooLarge: the operation would be larger than is kept.
        """
        if lease == 0:
            raise ValueError("the lease is 0 seconds: expected more, or None for no lease")
        service = self._service_of(method)
        permission = self._permission_to_start(caller_of(context), service, method)
        new = NewOperation(
            parent=parent,
            method=method,
            handler="",
            caller=permission.caller_id,
            request_id=request_id,
            request=pack(empty_pb2.Empty() if request is None else request),
            metadata=None if metadata is None else pack(metadata),
            retention=microseconds(
                "retention", self._retention if retention is None else retention
            ),
            owner="" if lease is None else f"lease/{uuid.uuid4()}",
            lease=0 if lease is None else microseconds("lease", lease),
            trace=self._trace_of(context),
            service=service,
        )
        ledger = self._open.ledger
        record = await create_for(context, new, permission=permission, ledger=ledger)
        return record.message()

    def for_service(
        self,
        config: str | Path | service_pb2.Service,
        *,
        name_format: str = "{parent}/operations/{id}",
        filter_aliases: Mapping[str, str] | None = None,
    ) -> View:
        """Returns a view that is limited to one service, for a front door of its own.

        It offers the methods of `google.longrunning.Operations` that the service's file binds, and
        shows the operations that were started by methods of the APIs that the file lists: whoever
        starts them later gets names in the service's format.

        Args:
            config: a `google.api.Service`: the name of a file that is shipped, a path or a message.
            name_format: how the service writes the names of its operations, `{id}` for bare ids.
            filter_aliases: short names that its filters understand.

        Raises:
            ServiceConfigError: the file cannot be read.
            ValueError: the service has no name, or claims an API that another one has.
        """
        service = service_of(config, name_format=name_format, filter_aliases=filter_aliases or {})
        for api in service.apis:
            if self._services.setdefault(api, service).name != service.name:
                raise ValueError(
                    f"{service.name} and {self._services[api].name} both claim {api}: "
                    "an operation belongs to one service"
                )
        return View(lambda: self._open, self._handlers, self._limits, service, self.domain)

    def _service_of(self, method: str) -> Service:
        """Returns the service that a method's operations belong to."""
        return self._services.get(method.partition("/")[0], self._service)

    async def __aenter__(self) -> "Operations":
        """Opens the store and starts the engine.

        Raises:
            StoreError: the store cannot be opened.
            RuntimeError: it is open already.
        """
        if self._opened:
            raise RuntimeError("this Operations is open already: open it once, and share it")
        await self.store.open()
        try:
            self._opened = self._assemble()
            await self.engine.start(self._opened.ledger, self._handlers)
        except BaseException:
            self._opened = None
            await self.store.close()
            raise
        self._purging = Purging(self._opened.ledger)
        self._purging.start()
        self._recovery = Recovery(self._opened.ledger, self._handlers, seconds=self._sweep_seconds)
        self._recovery.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Lets running work finish for `drain_seconds`, interrupts the rest, closes the store."""
        self.answer_waiters()
        self._purging.stop()
        await self._recovery.stop()
        try:
            await self.engine.stop(self.drain_seconds)
        finally:
            self._opened = None
            await self.store.close()

    @contextlib.asynccontextmanager
    async def working(self, engine: Engine) -> AsyncIterator[None]:
        """Is open for the work of one engine, and for nothing else.

        Neither is anything purged nor anybody's work taken over: for the many short-lived processes
        of a cluster, where others do that.

        Args:
            engine: takes the work, instead of this object's own.

        Raises:
            StoreError: the store cannot be opened.
        """
        await self.store.open()
        try:
            self._opened = self._assemble()
            await engine.start(self._opened.ledger, self._handlers)
            try:
                yield
            finally:
                await engine.stop(self.drain_seconds)
        finally:
            self._opened = None
            await self.store.close()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object) -> AsyncIterator[None]:  # noqa: ARG002 - the host's shape
        """Is open while a Starlette or FastAPI application runs."""
        async with self:
            yield

    def portal(self) -> "Portal":
        """Returns what opens this for sync code: `with operations.portal() as ops:`.

        The operations are then open on an event loop in a thread, and `ops` has their methods,
        which block.
        """
        # Most services are async, and what stands on this module cannot be imported at its top.
        from longrunning.portal import Portal  # noqa: PLC0415

        return Portal(self)

    def answer_waiters(self) -> None:
        """Answers everyone who waits with the latest state: what a server does before it stops."""
        self._open.waiters.drain()

    def _trace_of(self, context: CallContext | None) -> str:
        """Returns the trace that an operation is started in, observed or else the caller's."""
        observer = self._open.ledger.observer
        return (observer.trace() if observer else "") or traceparent_of(context)

    def _assemble(self) -> Session:
        observer = Observers(self.observers) if self.observers else None
        store = ObservedStore(self.store, observer) if observer else self.store
        ledger = Ledger(
            store,
            clock=self.clock,
            domain=self.domain,
            max_operation_bytes=self._max_operation_bytes,
            observer=observer,
        )
        return Session(ledger=ledger, waiters=Waiters(store, observer), authorizer=self.authorizer)

    @property
    def _open(self) -> Session:
        if self._opened is None:
            raise RuntimeError(
                "this Operations is not open: use `async with operations:`, "
                "FastAPI(lifespan=operations.lifespan), an App, or `with operations.portal()`"
            )
        return self._opened
