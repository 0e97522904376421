"""Creating an operation for whoever asks for it: permission first, and no word of others' work."""

from typing import Any

import grpc
import grpc.aio

from longrunning.auth.permission import Permission
from longrunning.errors import OperationConflict, OperationsError
from longrunning.ledger import Ledger, NewOperation
from longrunning.lifecycle import Record
from longrunning.statuses import abort, abort_sync

CallContext = grpc.aio.ServicerContext[Any, Any] | grpc.ServicerContext
"""The RPC that starts an operation, on a server of either colour."""


async def create_for(
    context: CallContext | None, new: NewOperation, *, permission: Permission, ledger: Ledger
) -> Record:
    """Creates an operation, or ends the RPC that asks for it with the status of the refusal.

    Args:
        context: the RPC; None where the service itself creates the operation.
        new: what is to be created.
        permission: of whoever asks.
        ledger: where it is written.

    Raises:
        OperationsError: it is refused, and no RPC asks for it.
    """
    try:
        await permission.require(new.parent)
        return await _created(new, permission, ledger)
    except OperationsError as error:
        if context is None:
            raise
        if isinstance(context, grpc.ServicerContext):
            abort_sync(context, error, ledger.domain)
        await abort(context, error, ledger.domain)


async def _created(new: NewOperation, permission: Permission, ledger: Ledger) -> Record:
    try:
        return await ledger.create(new)
    except OperationConflict as conflict:
        if permission.is_limited:
            other = await ledger.store.get(conflict.name)
            if other is None or not await permission.covers(other):
                raise conflict.without_name() from None
        raise
