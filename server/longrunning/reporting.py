"""What work that runs elsewhere says of itself."""

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from google.rpc import status_pb2

from longrunning import lifecycle
from longrunning.errors import OperationsError
from longrunning.ledger import Step
from longrunning.lifecycle import State
from longrunning.packing import pack
from longrunning.view import View


class Reporting(View):
    """A view whose operations can be reported on, and ended, by whoever does their work."""

    async def report(self, name: str, metadata: Message) -> bool:
        """Replaces an operation's metadata.

        Returns:
            Whether its cancellation was requested.

        Raises:
            OperationNotFound: there is none, or it was deleted.
            IllegalTransition: it is done.
        """
        packed = pack(metadata)
        ledger = self._session().ledger
        record = await ledger.advance(
            name, lambda record, now: lifecycle.report(record, packed, now=now)
        )
        if record.lease:
            await ledger.store.worklist.beat(record.owner, now=ledger.clock(), lease=record.lease)
        return record.state is State.CANCELLING

    async def succeed(self, name: str, response: Message | None = None) -> operations_pb2.Operation:
        """Ends an operation with its response, `google.protobuf.Empty` if there is none.

        Raises:
            OperationNotFound: there is none, or it was deleted.
            IllegalTransition: it is done already.
        """
        packed = pack(empty_pb2.Empty() if response is None else response)
        return await self._end(name, lambda record, now: lifecycle.succeed(record, packed, now=now))

    async def fail(
        self, name: str, error: OperationsError | status_pb2.Status
    ) -> operations_pb2.Operation:
        """Ends an operation with an error.

        Raises:
            OperationNotFound: there is none, or it was deleted.
            IllegalTransition: it is done already.
        """
        ledger = self._session().ledger
        status = ledger.status_of(error) if isinstance(error, OperationsError) else error
        return await self._end(name, lambda record, now: lifecycle.fail(record, status, now=now))

    async def cancelled(self, name: str) -> operations_pb2.Operation:
        """Ends an operation as cancelled: its work has stopped.

        Raises:
            OperationNotFound: there is none, or it was deleted.
            IllegalTransition: it is done already.
        """
        return await self._end(name, lambda record, now: lifecycle.cancel(record, now=now))

    async def _end(self, name: str, step: Step) -> operations_pb2.Operation:
        return (await self._session().ledger.advance(name, step)).message()
