"""What clients may ask of operations: get, list, wait, cancel and delete.

Spec: google/longrunning/operations.proto
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc

from longrunning import filters, lifecycle, names
from longrunning.auth.authorizer import Authorizer
from longrunning.auth.caller import Caller
from longrunning.auth.permission import Permission
from longrunning.errors import InvalidArgument, OperationNotFound, Unimplemented
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger
from longrunning.lifecycle import Record
from longrunning.names import ParentPattern
from longrunning.page_tokens import ListBinding, PageTokens
from longrunning.servicer import OperationsServicer, Target
from longrunning.services import OPERATIONS, Service
from longrunning.stores import Query
from longrunning.waiters import Waiters

MAX_PAGE_BYTES = 3 * 1024 * 1024
"""Where a page stops, so that a client with gRPC's default limit of 4 MiB can read it."""

_ROWS_AT_ONCE = 64  # a row can be 1 MiB: this bounds what a list holds in memory
_ROWS_PER_PAGE = 2048  # where a page stops looking, however little it has found
_BYTES_PER_PAGE = 4 * 1024 * 1024  # the same, of large operations


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What there is only while the store is open.

    Attributes:
        ledger: where changes are written.
        waiters: who waits.
        authorizer: decides what callers may do; None lets everyone do everything.
    """

    ledger: Ledger
    waiters: Waiters
    authorizer: Authorizer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one call may ask for.

    Attributes:
        page_size: of a list whose caller names none.
        max_page_size: what larger page sizes are lowered to.
        max_wait: how long a wait is at most, in seconds.
    """

    page_size: int
    max_page_size: int
    max_wait: float


class View:
    """Answers the five methods for what is seen through one service's door.

    Each takes its caller: `caller_of(context)`, or None for the service itself, which sees all.
    What a caller may not see is absent for him, and PermissionDenied says that he may not call a
    method on a parent, whatever exists there.

    Args:
        session: returns the open session, or raises RuntimeError.
        handlers: say which work can be cancelled.
        limits: of one call.
        service: whose methods, operations and names these are.
        domain: the `ErrorInfo.domain` of errors.
    """

    def __init__(
        self,
        session: Callable[[], Session],
        handlers: Handlers,
        limits: Limits,
        service: Service,
        domain: str,
    ) -> None:
        self._session = session
        self._handlers = handlers
        self._limits = limits
        self._service = service
        self.domain = domain

    @property
    def service(self) -> Service:
        """Whose methods, operations and names these are."""
        return self._service

    def add_to_server(self, target: Target) -> None:
        """Adds `google.longrunning.Operations` to an aio server, or a transcoder of aio servicers.

        Raises:
            TypeError: it is a sync server.
        """
        if isinstance(target, grpc.Server):
            raise TypeError(
                "this is a sync server: use `with operations.portal() as ops:` and "
                "`ops.add_to_server(server)`"
            )
        servicer = OperationsServicer(self, domain=self.domain)
        operations_pb2_grpc.add_OperationsServicer_to_server(servicer, target)

    async def get(self, name: str, *, caller: Caller | None = None) -> operations_pb2.Operation:
        """Returns the latest state of an operation.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
            Unimplemented: the service leaves the method out.
        """
        self._service.require("GetOperation")
        return (await self._find(name, self._permission("GetOperation", caller))).message()

    async def wait(
        self, name: str, timeout: float | None = None, *, caller: Caller | None = None
    ) -> operations_pb2.Operation:
        """Returns the operation once it is done, or its latest state when the time is over.

        Args:
            name: the operation.
            timeout: how long to wait, in seconds; None, or more than the server's maximum, is that.
            caller: who waits.

        Raises:
            InvalidArgument: the name is malformed, or the timeout negative.
            OperationNotFound: there is none, or it was deleted meanwhile.
            Unimplemented: the service leaves the method out.
        """
        self._service.require("WaitOperation")
        if timeout is not None and timeout < 0:
            raise InvalidArgument(
                f"The timeout is {timeout:g} seconds: expected 0 or more.",
                field="timeout",
                reason="NEGATIVE_TIMEOUT",
                metadata={"value": f"{timeout:g}"},
            )
        # Asked before the wait, since what is not his must look absent, and once more behind it:
        # what he may do can have changed in all that time. Nothing is held on to meanwhile.
        await self._find(name, self._permission("WaitOperation", caller))
        longest = self._limits.max_wait
        seconds = longest if timeout is None else min(timeout, longest)
        record = await self._session().waiters.wait(name, seconds)
        permission = self._permission("WaitOperation", caller)
        await permission.require(names.parent_of(name))
        return (await self._seen(name, record, permission)).message()

    async def cancel(self, name: str, *, caller: Caller | None = None) -> None:
        """Asks for an operation to be cancelled; what is done stays as it is.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
            Unimplemented: its handler does not offer it, or the service leaves the method out.
        """
        self._service.require("CancelOperation")
        record = await self._find(name, self._permission("CancelOperation", caller))
        handler = self._handlers.get(record.handler)
        if handler and not handler.cancellable:
            raise Unimplemented(
                f"Operation {name!r} cannot be cancelled: its method does not offer it.",
                reason="NOT_CANCELLABLE",
                metadata={"name": name},
            )
        await self._session().ledger.advance(
            name, lambda record, now: lifecycle.request_cancel(record, now=now), known=record
        )

    async def delete(self, name: str, *, caller: Caller | None = None) -> None:
        """Forgets an operation; work that runs goes on, and its outcome is dropped.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
            Unimplemented: the service leaves the method out.
        """
        self._service.require("DeleteOperation")
        record = await self._find(name, self._permission("DeleteOperation", caller))
        if not await self._session().ledger.delete(record):
            raise OperationNotFound(name)

    async def list(
        self,
        name: str = "",
        *,
        filter: str = "",  # noqa: A002 - the name of the field
        page_size: int = 0,
        page_token: str = "",
        return_partial_success: bool = False,
        caller: Caller | None = None,
    ) -> operations_pb2.ListOperationsResponse:
        """Returns one page of the operations of a parent, the newest first.

        A page may be short, even empty, before the list is at its end; only an empty
        `next_page_token` ends it.

        Args:
            name: the parent, with or without `/operations`; "" for operations without a parent;
                `-` in place of a segment for any.
            filter: which operations; "" for all.
            page_size: how many at most; 0 for the default, lowered to the maximum.
            page_token: `next_page_token` of the page before.
            return_partial_success: only allowed with a wildcard; nothing is ever unreachable here.
            caller: whose list it is; tokens are good for that caller only.

        Raises:
            InvalidArgument: one of these is malformed, or the token is of another list.
            Unimplemented: the service leaves the method out.

        Spec: AIP-132, AIP-158, AIP-159, AIP-160, AIP-217
        """
        self._service.require("ListOperations")
        pattern = ParentPattern.parse(name)
        if return_partial_success and not pattern.has_wildcard:
            raise InvalidArgument(
                "return_partial_success needs a parent with the wildcard '-'.",
                field="return_partial_success",
                reason="PARTIAL_SUCCESS_OF_ONE_PARENT",
            )
        size = self._bounded(page_size)
        permission = self._permission("ListOperations", caller)
        parent = None if pattern.has_wildcard else pattern.text
        await permission.require(parent)
        selection = filters.parse(filter, aliases=self._service.filter_aliases)
        ledger = self._session().ledger
        tokens = PageTokens(ledger.store.page_token_key)
        binding = ListBinding(
            service=self._service.name or "",
            parent=pattern.text,
            filter=filter,
            partial_success=return_partial_success,
            caller=permission.caller_id,
        )
        position = ""
        if page_token:
            position = tokens.read(page_token, binding, now=ledger.clock())
        owner = await permission.listed_owner(parent)
        page = operations_pb2.ListOperationsResponse()
        bounds = selection.bounds()
        # One more than a page holds tells whether there is another page.
        all_match = bounds.exact and not pattern.has_wildcard
        all_count = all_match and not permission.is_limited
        limit = min(_ROWS_AT_ONCE, size + 1) if all_count else _ROWS_AT_ONCE

        room, rows, unread = MAX_PAGE_BYTES, _ROWS_PER_PAGE, _BYTES_PER_PAGE
        while rows > 0 and unread > 0:
            query = Query(
                parent=parent,
                parent_prefix=pattern.prefix,
                service=self._service.name,
                caller=owner,
                bounds=bounds,
                before=position,
                limit=limit,
                scan=rows,
            )
            found = await ledger.store.list(query)
            # Before anything of an operation is looked at: what is not his costs a caller nothing.
            listed = {
                record.id
                for record in found
                if pattern.matches(record.parent) and await permission.covers(record)
            }
            if all_match:
                read = _read(found, listed, selection, unread)
            else:  # a filter can ask much of a large operation
                read = await asyncio.to_thread(_read, found, listed, selection, unread)
            for record, operation in read:
                if operation is not None:
                    full = len(page.operations) == size or len(record.operation) > room
                    if full and page.operations:
                        page.next_page_token = tokens.write(position, binding, now=ledger.clock())
                        return page
                    page.operations.append(operation)
                    room -= len(record.operation)
                unread -= len(record.operation)
                position = record.id
            if len(read) < len(found):
                break
            if not found.position:
                return page
            position = found.position
            # A step that found less than it may has looked at all the rows that it may.
            rows -= len(found) if len(found) == limit else rows
        page.next_page_token = tokens.write(position, binding, now=ledger.clock())
        return page

    def _bounded(self, page_size: int) -> int:
        if page_size < 0:
            raise InvalidArgument(
                f"The page size is {page_size}: expected 0 (the default) or more.",
                field="page_size",
                reason="NEGATIVE_PAGE_SIZE",
                metadata={"value": str(page_size)},
            )
        return min(page_size or self._limits.page_size, self._limits.max_page_size)

    def _permission(self, method: str, caller: Caller | None) -> Permission:
        service = self._service.name or ""
        return Permission(self._session().authorizer, caller, service, f"{OPERATIONS}.{method}")

    async def _find(self, name: str, permission: Permission) -> Record:
        # The door of all leads to every service's operations, however it writes their names.
        any_format = self._service.name is None and names.is_resource_name(name)
        if not any_format:
            self._service.name_format.check(name)
        if permission.is_limited:
            await permission.require(names.parent_of(name))
        record = await self._session().ledger.store.get(name)
        try:
            return await self._seen(name, record, permission)
        except OperationNotFound:
            if any_format:
                self._service.name_format.check(name)
            raise

    async def _seen(self, name: str, record: Record | None, permission: Permission) -> Record:
        """Returns a record that the caller may see through this door: all others look absent."""
        if record is None or self._service.name not in (None, record.service):
            raise OperationNotFound(name)
        if permission.is_limited and not await permission.covers(record):
            raise OperationNotFound(name)
        return record


def _read(
    found: Iterable[Record], listed: Collection[str], selection: filters.Filter, size: int
) -> list[tuple[Record, operations_pb2.Operation | None]]:
    """Reads records until `size` bytes are read; each with its operation if it is selected.

    Args:
        found: the records.
        listed: the ids of those that belong to the list.
        selection: selects among these.
        size: in bytes.
    """
    read: list[tuple[Record, operations_pb2.Operation | None]] = []
    for record in found:
        if size <= 0:
            break
        size -= len(record.operation)
        operation = record.message() if record.id in listed else None
        if operation is not None and not selection.matches(operation):
            operation = None
        read.append((record, operation))
    return read
