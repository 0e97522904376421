"""One attempt at the work of one operation, from its claim to its outcome."""

import asyncio
import logging
import secrets
from typing import Any

from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message

from longrunning import lifecycle
from longrunning.engines.context import (
    AsyncOperationContext,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.engines.work import run_in_thread, run_on_loop
from longrunning.errors import (
    Aborted,
    FailedPrecondition,
    Internal,
    OperationNotFound,
    OperationsError,
    OperationTooLarge,
    ResourceExhausted,
    Unavailable,
)
from longrunning.handlers import Handler
from longrunning.ledger import Ledger, Step
from longrunning.lifecycle import Record, State
from longrunning.packing import pack, unpack

_log = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0


class Attempt:
    """Runs a handler for an operation that was just claimed, and writes how it ended.

    Args:
        record: as the claim left it.
        request: the message that started it.
        handler: does the work.
        ledger: takes its reports and its outcome.
    """

    def __init__(
        self, record: Record, request: Message, handler: Handler[Any, Any], ledger: Ledger
    ) -> None:
        self._record = record
        self._handler = handler
        self._ledger = ledger
        self._stopped = False
        self._interrupted = False
        self._context: AsyncOperationContext | SyncOperationContext
        if handler.run == "loop":
            self._context = AsyncOperationContext(record, request, handler, ledger)
            work = run_on_loop(handler, request, self._context)
        else:
            loop = asyncio.get_running_loop()
            self._context = SyncOperationContext(record, request, handler, ledger, loop)
            work = run_in_thread(handler, request, self._context)
        self._work = asyncio.ensure_future(work)

    def cancel(self) -> None:
        """Delivers a cancellation: the handler's clean-up code runs, and it may still finish."""
        if self._stopped:
            return
        self._stopped = True
        self._context.interrupt()
        if self._handler.run == "loop":
            self._work.cancel()

    def interrupt(self) -> None:
        """Stops the work because the server stops, not because anybody asked for its end."""
        self._interrupted = True
        self.cancel()

    async def finish(self) -> None:
        """Waits for the work, and writes its outcome until the store has taken it."""
        await asyncio.wait([self._work])
        try:
            step = self._outcome()
        except Exception as error:  # an outcome that cannot be written, such as half a surrogate
            step = failure(self._ledger, self._neutral(error))
        while True:
            try:
                await self._ledger.advance(self._record.name, step, attempt=self._record.attempt)
            except OperationTooLarge as error:
                step = failure(self._ledger, error)
            except (Unavailable, ResourceExhausted):
                await asyncio.sleep(_RETRY_SECONDS)
            except (OperationNotFound, FailedPrecondition, Aborted) as error:
                _log.info("dropped the outcome of %s: %s", self._record.name, error)
                return
            else:
                return

    def _outcome(self) -> Step:
        if not self._work.cancelled() and (error := self._work.exception()):
            if isinstance(error, OperationsError):
                return failure(self._ledger, error)
            if not isinstance(error, OperationCancelled):
                return failure(self._ledger, self._neutral(error))
        elif not self._work.cancelled():
            return self._success(self._work.result())
        if self._interrupted:
            return interruption(self._ledger, self._handler)
        return lambda record, now: lifecycle.cancel(record, now=now)

    def _success(self, response: Message | None) -> Step:
        expected = self._handler.response
        if response is None and expected is empty_pb2.Empty:
            response = empty_pb2.Empty()
        if not isinstance(response, expected):
            wrong = TypeError(
                f"{self._handler.name} returned a {type(response).__name__}: "
                f"it was declared with {expected.DESCRIPTOR.full_name}"
            )
            return failure(self._ledger, self._neutral(wrong))
        packed = pack(response)
        return lambda record, now: lifecycle.succeed(record, packed, now=now)

    def _neutral(self, error: BaseException) -> Internal:
        """Hides an exception that the handler did not choose to show; the log has it."""
        correlation = secrets.token_hex(8)
        _log.error("%s failed [%s]", self._record.name, correlation, exc_info=error)
        return Internal(
            "The operation failed for a reason inside the service.",
            reason="HANDLER_FAILED",
            metadata={"correlation_id": correlation},
        )


def failure(ledger: Ledger, error: OperationsError) -> Step:
    """Returns the step that ends an operation with an error."""
    status = ledger.status_of(error)
    return lambda record, now: lifecycle.fail(record, status, now=now)


def interruption(ledger: Ledger, handler: Handler[Any, Any] | None) -> Step:
    """Returns the step for work that stopped without an outcome.

    Args:
        ledger: writes the error in it.
        handler: what the work declared; None for work that runs elsewhere.
    """

    def step(record: Record, now: int) -> Record:
        if record.state is State.CANCELLING:
            return lifecycle.cancel(record, now=now)
        again = handler is not None and handler.on_interruption == "retry"
        if handler and again and record.attempt < handler.max_attempts:
            return lifecycle.release(record, now=now)
        lost = Aborted(
            "The worker of the operation was lost before it finished.",
            reason="WORKER_LOST",
            metadata={"attempt": str(record.attempt)},
        )
        return lifecycle.fail(record, ledger.status_of(lost), now=now)

    return step


def request_of(packed: bytes) -> Message:
    """Returns the message in a stored request.

    Raises:
        LookupError: this process does not have its type.
        DecodeError: it is no message of its type.
    """
    return unpack(any_pb2.Any.FromString(packed))
