"""Calling a handler's function, where its declaration says.

Whatever the function raises comes out as an ordinary exception: a handler that calls `sys.exit`
fails its operation, and does not stop the server.
"""

import asyncio
import contextlib
import contextvars
import threading
from typing import TYPE_CHECKING, Any, Literal

from google.protobuf import any_pb2

from longrunning.engines.assignment import Assignment
from longrunning.engines.context import (
    AsyncOperationContext,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.engines.progress import Progress
from longrunning.handlers import Handler

if TYPE_CHECKING:
    from longrunning.engines.processes import ProcessPool


class Calls:
    """Calls handlers on the event loop, in threads, and in processes.

    Args:
        processes: how many processes to keep ready for handlers that run in one.
    """

    def __init__(self, *, processes: int) -> None:
        self._spare = processes
        self._processes: ProcessPool | None = None
        if processes:
            self._pool().start()

    async def call(
        self, handler: Handler[Any, Any], assignment: Assignment, progress: Progress
    ) -> object:
        """Returns what a handler returns.

        A cancellation is passed on to what can be cancelled, and comes back as the exception that
        the handler made of it; threads look at `progress.stop`.

        Raises:
            WorkerDied: the handler's process ended without an answer.
        """
        if handler.run == "loop":
            return await _on_loop(handler, assignment, progress)
        if handler.run == "thread":
            return await _in_thread(handler, assignment, progress)
        return await self._pool().call(handler, assignment, progress)

    async def close(self) -> None:
        """Kills the processes that are left; threads are left to themselves."""
        if self._processes:
            await self._processes.close()

    def _pool(self) -> "ProcessPool":
        if self._processes is None:
            # Most services have no use for it, and start faster without.
            from longrunning.engines.processes import ProcessPool  # noqa: PLC0415

            self._processes = ProcessPool(spare=self._spare)
        return self._processes


async def _on_loop(
    handler: Handler[Any, Any], assignment: Assignment, progress: Progress
) -> object:
    context = AsyncOperationContext(assignment, handler, progress)
    try:
        return await handler.function(assignment.request, context)
    except (SystemExit, KeyboardInterrupt) as error:
        raise ordinary(error) from error


async def _in_thread(
    handler: Handler[Any, Any], assignment: Assignment, progress: Progress
) -> object:
    """Runs a plain function in a thread of its own.

    The thread is a daemon: one that does not heed its cancellation must not hold up the process. It
    has the context variables of the attempt, such as the span that is current.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[object] = loop.create_future()

    def write(kind: Literal["report", "checkpoint"], message: any_pb2.Any) -> None:
        writes = {"report": progress.report, "checkpoint": progress.checkpoint}
        asyncio.run_coroutine_threadsafe(writes[kind](message), loop).result()

    def answer(result: object, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(result)
        else:
            done.set_exception(ordinary(error))

    def run() -> None:
        result, error = None, None
        try:
            result = handler.function(
                assignment.request, SyncOperationContext(assignment, handler, progress.stop, write)
            )
        except BaseException as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has closed: the server is gone
            loop.call_soon_threadsafe(answer, result, error)

    threading.Thread(
        target=contextvars.copy_context().run,
        args=(run,),
        name=f"longrunning {assignment.name}",
        daemon=True,
    ).start()
    return await done


def ordinary(error: BaseException) -> Exception:
    """Returns an exception that can end a task without doing anything else to the process."""
    if isinstance(error, asyncio.CancelledError):
        return OperationCancelled()
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    converted = RuntimeError(f"the handler raised {type(error).__name__}: {error}")
    converted.__cause__ = error
    return converted
