"""`Portal`: an `Operations` for sync servers and callers."""

import asyncio
import functools
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

import grpc.aio
from google.api import service_pb2
from google.longrunning import operations_pb2_grpc

from longrunning.operations import Operations
from longrunning.portal.loop_thread import LoopThread
from longrunning.servicer import SyncOperationsServicer, Target
from longrunning.view import View

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, R]],
) -> Callable[Concatenate["BlockingView", P], R]:
    """Returns a method that has the loop run an async one, and waits for it."""

    @functools.wraps(method)
    def call(self: "BlockingView", /, *args: P.args, **kwargs: P.kwargs) -> R:
        name = method.__name__
        _refuse_to_block(
            f"{name} of a portal", f"await {name} of its Operations, or use asyncio.to_thread"
        )
        loop_thread = self._reach()
        result: R = loop_thread.call(getattr(self._view, name)(*args, **kwargs))
        return result

    return call


def _refuse_to_block(what: str, instead: str) -> None:
    """Refuses to block an event loop.

    Raises:
        RuntimeError: one runs in this thread.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(f"{what} would block the event loop that runs in this thread: {instead}")


class BlockingView:
    """What clients may ask, for callers in threads; see `View` for each method.

    Args:
        view: answers.
        reach: returns the loop that it is open on.
    """

    def __init__(self, view: View, reach: Callable[[], LoopThread]) -> None:
        self._view = view
        self._reach = reach

    get = _blocking(View.get)
    list = _blocking(View.list)
    wait = _blocking(View.wait)
    cancel = _blocking(View.cancel)
    delete = _blocking(View.delete)

    def add_to_server(self, target: Target, *, threads: int = 10) -> None:
        """Adds `google.longrunning.Operations` to a sync server, or a transcoder of sync servicers.

        Args:
            target: a `grpc.server`, or a `grpc_transcoding.Transcoder`.
            threads: how many threads it has (`ThreadPoolExecutor(max_workers=...)`): those who wait
                hold at most half of them, and beyond that a Wait answers at once.

        Raises:
            TypeError: it is an aio server.
            ValueError: there are no threads.
        """
        if isinstance(target, grpc.aio.Server):
            raise TypeError(
                "this is a grpc.aio server, and a portal is for sync ones: use "
                "`operations.add_to_server(server)` and `async with operations:`"
            )
        servicer = SyncOperationsServicer(
            self._view,
            lambda coroutine: self._reach().submit(coroutine),
            domain=self._view.domain,
            threads=threads,
        )
        operations_pb2_grpc.add_OperationsServicer_to_server(servicer, target)


class Portal(BlockingView):
    """An `Operations` whose methods block, for threads; see there for each method.

    `with operations.portal() as ops:` opens the operations on an event loop in a thread, where
    async handlers run, and closes them as `async with operations:` does: running work may finish
    for `drain` seconds. A second Ctrl-C while that goes on does not wait for it.

    Any thread may call it, and be interrupted by Ctrl-C, which cancels the call.

    Args:
        operations: is opened, and answers.
    """

    def __init__(self, operations: Operations) -> None:
        super().__init__(operations, self._opened)
        self._operations = operations
        self._loop_thread: LoopThread | None = None

    start = _blocking(Operations.start)
    create = _blocking(Operations.create)
    report = _blocking(Operations.report)
    succeed = _blocking(Operations.succeed)
    fail = _blocking(Operations.fail)
    cancelled = _blocking(Operations.cancelled)

    def for_service(
        self,
        config: str | Path | service_pb2.Service,
        *,
        name_format: str = "{parent}/operations/{id}",
        filter_aliases: Mapping[str, str] | None = None,
    ) -> BlockingView:
        """Returns a view that is limited to one service; see `Operations.for_service`."""
        view = self._operations.for_service(
            config, name_format=name_format, filter_aliases=filter_aliases
        )
        return BlockingView(view, self._opened)

    def answer_waiters(self) -> None:
        """Answers everyone who waits with the latest state: call it before the server stops."""
        _refuse_to_block("answer_waiters of a portal", "call that of its Operations")

        async def answer() -> None:
            self._operations.answer_waiters()

        self._opened().call(answer())

    def __enter__(self) -> "Portal":
        """Opens the store and starts the engine, on a loop in a thread.

        Raises:
            StoreError: the store cannot be opened.
            RuntimeError: the operations are open already, or an event loop runs in this thread.
        """
        _refuse_to_block("opening a portal", "use `async with operations:`")
        if self._loop_thread:
            raise RuntimeError("this portal is open already: open it once, and share it")
        loop_thread = LoopThread(self._operations, "longrunning portal")
        loop_thread.start()
        self._loop_thread = loop_thread
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Lets running work finish for `drain` seconds, interrupts the rest, closes the store."""
        if self._loop_thread:
            try:
                self._loop_thread.stop()
            finally:
                self._loop_thread = None

    def _opened(self) -> LoopThread:
        if self._loop_thread is None:
            raise RuntimeError("this portal is not open: use `with operations.portal() as ops:`")
        return self._loop_thread
