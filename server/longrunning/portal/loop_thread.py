"""An event loop in a thread, for callers in other threads."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from longrunning import event_loop

T = TypeVar("T")


class LoopThread:
    """Keeps something open on an event loop of its own, and runs coroutines there.

    Args:
        resource: what is open while the thread runs.
        name: the thread's.
    """

    def __init__(self, resource: AbstractAsyncContextManager[object], name: str) -> None:
        self._resource = resource
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = False
        self._opening = threading.Lock()
        self._abandoned = threading.Event()
        self._opened: Future[None] = Future()
        self._closed: Future[None] = Future()
        # A daemon: what does not heed its interruption must not hold up the end of the process.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread, and returns when the resource is open.

        Raises:
            Exception: whatever the resource raises when it cannot be opened.
        """
        try:
            self._thread.start()
            self._opened.result()
        except BaseException:
            # It cannot be opened, or somebody pressed Ctrl-C meanwhile, perhaps before the thread
            # has come to anything: then it finds that it is not wanted.
            self._abandoned.set()
            if self._loop:
                with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                    self._loop.call_soon_threadsafe(self._end)
            if self._thread.is_alive():
                self._thread.join()
            raise

    def stop(self) -> None:
        """Closes the resource, and returns when the thread has ended.

        Raises:
            Exception: whatever the resource raises when it is closed.
        """
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join()
        self._closed.result()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Has the loop run a coroutine.

        Raises:
            RuntimeError: the resource is not open.
        """
        with self._opening:
            if self._is_open and self._loop:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise RuntimeError("this portal is not open: use `with operations.portal() as ops:`")

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Has the loop run a coroutine, and returns what that does.

        Raises:
            RuntimeError: the resource is not open, or was closed meanwhile.
        """
        future = self.submit(coroutine)
        try:
            return future.result()
        except CancelledError:
            raise RuntimeError("the portal was closed before this call was done") from None
        finally:
            future.cancel()  # of effect where the wait for it was interrupted, as by Ctrl-C

    def _run(self) -> None:
        event_loop.run(self._keep_open())

    async def _keep_open(self) -> None:
        self._task = asyncio.current_task()
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if self._abandoned.is_set():
            return
        try:
            async with self._resource:
                with self._opening:
                    self._is_open = True
                self._opened.set_result(None)
                await self._ended.wait()
        except BaseException as error:
            (self._closed if self._opened.done() else self._opened).set_exception(error)
        else:
            self._closed.set_result(None)
        finally:
            with self._opening:
                self._is_open = False
            # What was handed over until now becomes a task, which the loop's end cancels.
            await asyncio.sleep(0)

    def _end(self) -> None:
        self._ended.set()
        if not self._opened.done() and self._task:
            self._task.cancel()
