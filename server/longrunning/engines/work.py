"""Calling a handler's function, where its colour says.

Whatever the function raises comes out as an ordinary exception: a handler that calls `sys.exit`
fails its operation, and does not stop the server.
"""

import asyncio
import contextlib
import threading
from typing import Any

from google.protobuf.message import Message

from longrunning.engines.context import (
    AsyncOperationContext,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.handlers import Handler


async def run_on_loop(
    handler: Handler[Any, Any], request: Message, context: AsyncOperationContext
) -> Any:  # noqa: ANN401 - whatever the handler returns; it is checked
    """Awaits an async function."""
    try:
        return await handler.function(request, context)
    except (SystemExit, KeyboardInterrupt) as error:
        raise _ordinary(error) from error


async def run_in_thread(
    handler: Handler[Any, Any], request: Message, context: SyncOperationContext
) -> Any:  # noqa: ANN401 - whatever the handler returns; it is checked
    """Runs a plain function in a thread of its own.

    The thread is a daemon: one that does not heed its cancellation must not hold up the process.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def answer(result: object, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(_ordinary(error))

    def run() -> None:
        result, error = None, None
        try:
            result = handler.function(request, context)
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has closed: the server is gone
            loop.call_soon_threadsafe(answer, result, error)

    threading.Thread(target=run, name=f"longrunning {context.name}", daemon=True).start()
    return await done


def _ordinary(error: BaseException) -> Exception:
    """Returns an exception that can end a task without doing anything else to the process."""
    if isinstance(error, asyncio.CancelledError):
        return OperationCancelled()
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    ordinary = RuntimeError(f"the handler raised {type(error).__name__}: {error}")
    ordinary.__cause__ = error
    return ordinary
