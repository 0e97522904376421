"""What clients may ask of operations: get, list, wait, cancel and delete.

Spec: google/longrunning/operations.proto
"""

from google.longrunning import operations_pb2

from longrunning import filters, lifecycle, names
from longrunning.errors import InvalidArgument, OperationNotFound, Unimplemented
from longrunning.handlers import Handlers
from longrunning.ledger import Ledger
from longrunning.lifecycle import Record
from longrunning.page_tokens import ListBinding, PageTokens
from longrunning.stores import Query
from longrunning.waiters import Waiters

MAX_PAGE_BYTES = 3 * 1024 * 1024
"""Where a page stops, so that a client with gRPC's default limit of 4 MiB can read it."""

_ROWS_AT_ONCE = 64  # a row can be 1 MiB: this bounds what a list holds in memory
_ROWS_PER_PAGE = 2048  # where a page stops looking, however little it has found


class View:
    """Answers the five methods of one store's operations.

    Args:
        ledger: reads and advances the operations.
        waiters: hold the callers of `wait`.
        handlers: say which work can be cancelled.
        page_size: of a list whose caller names none.
        max_page_size: what larger page sizes are lowered to.
        max_wait: how long `wait` waits at most, in seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        waiters: Waiters,
        handlers: Handlers,
        *,
        page_size: int,
        max_page_size: int,
        max_wait: float,
    ) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._waiters = waiters
        self._handlers = handlers
        self._page_size = page_size
        self._max_page_size = max_page_size
        self._max_wait = max_wait

    async def get(self, name: str) -> operations_pb2.Operation:
        """Returns the latest state of an operation.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
        """
        names.check_operation_name(name)
        return _found(name, await self._store.get(name)).message()

    async def wait(self, name: str, timeout: float | None = None) -> operations_pb2.Operation:
        """Returns the operation once it is done, or its latest state when the time is over.

        Args:
            name: the operation.
            timeout: how long to wait, in seconds; None, or more than the server's maximum, is that.

        Raises:
            InvalidArgument: the name is malformed, or the timeout negative.
            OperationNotFound: there is none, or it was deleted meanwhile.
        """
        names.check_operation_name(name)
        if timeout is not None and timeout < 0:
            raise InvalidArgument(
                f"The timeout is {timeout:g} seconds: expected 0 or more.",
                field="timeout",
                reason="NEGATIVE_TIMEOUT",
            )
        seconds = self._max_wait if timeout is None else min(timeout, self._max_wait)
        return _found(name, await self._waiters.wait(name, seconds)).message()

    async def cancel(self, name: str) -> None:
        """Asks for an operation to be cancelled; what is done stays as it is.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
            Unimplemented: its handler does not offer it.
        """
        names.check_operation_name(name)
        record = _found(name, await self._store.get(name))
        handler = self._handlers.get(record.handler)
        if handler and not handler.cancellable:
            raise Unimplemented(
                f"Operation {name!r} cannot be cancelled: its method does not offer it.",
                reason="NOT_CANCELLABLE",
                metadata={"name": name},
            )
        await self._ledger.advance(
            name, lambda record, now: lifecycle.request_cancel(record, now=now), known=record
        )

    async def delete(self, name: str) -> None:
        """Forgets an operation; work that runs goes on, and its outcome is dropped.

        Raises:
            InvalidArgument: the name is malformed.
            OperationNotFound: there is none.
        """
        names.check_operation_name(name)
        if not await self._store.delete(name):
            raise OperationNotFound(name)

    async def list(
        self,
        name: str = "",
        *,
        filter: str = "",  # noqa: A002 - the name of the field
        page_size: int = 0,
        page_token: str = "",
        return_partial_success: bool = False,
        caller: str = "",
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

        Spec: AIP-132, AIP-158, AIP-159, AIP-160, AIP-217
        """
        pattern = names.ParentPattern.parse(name)
        if return_partial_success and not pattern.has_wildcard:
            raise InvalidArgument(
                "return_partial_success needs a parent with the wildcard '-'.",
                field="return_partial_success",
                reason="PARTIAL_SUCCESS_OF_ONE_PARENT",
            )
        size = self._bounded(page_size)
        selection = filters.parse(filter)
        bounds = selection.bounds()
        page = operations_pb2.ListOperationsResponse()
        tokens = PageTokens(self._store.page_token_key)
        binding = ListBinding(service="", parent=pattern.text, filter=filter, caller=caller)
        position = ""
        if page_token:
            position = tokens.read(page_token, binding, now=self._ledger.clock())
        if bounds.nothing:
            return page

        room, rows = MAX_PAGE_BYTES, _ROWS_PER_PAGE
        while True:
            query = Query(
                parent=None if pattern.has_wildcard else pattern.text,
                done=bounds.done,
                before=position,
                limit=_ROWS_AT_ONCE,
            )
            records = await self._store.list(query)
            for record in records:
                selected = pattern.matches(record.parent) and selection.matches(
                    operation := record.message()
                )
                full = len(page.operations) == size or len(record.operation) > room
                if rows == 0 or (selected and full and page.operations):
                    page.next_page_token = tokens.write(position, binding, now=self._ledger.clock())
                    return page
                rows -= 1
                position = record.id
                if selected:
                    page.operations.append(operation)
                    room -= len(record.operation)
            if len(records) < _ROWS_AT_ONCE:
                return page

    def _bounded(self, page_size: int) -> int:
        if page_size < 0:
            raise InvalidArgument(
                f"The page size is {page_size}: expected 0 (the default) or more.",
                field="page_size",
                reason="NEGATIVE_PAGE_SIZE",
            )
        return min(page_size or self._page_size, self._max_page_size)


def _found(name: str, record: Record | None) -> Record:
    if record is None:
        raise OperationNotFound(name)
    return record
