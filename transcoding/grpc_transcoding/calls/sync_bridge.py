"""Sync handlers, on a thread, with a context whose methods do not have to be awaited.

Spec: grpc.ServicerContext.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any, TypeVar

import grpc
import grpc.aio

from grpc_transcoding.calls.servicer_context import TranscodedContext

T = TypeVar("T")
_log = logging.getLogger("grpc_transcoding")


class SyncBridge:
    """Runs sync code of a call on a thread, while the loop looks after the call.

    Args:
        context: The call's context, which the loop keeps.
        executor: The threads, or None for the loop's own.
    """

    def __init__(
        self, context: TranscodedContext, executor: concurrent.futures.Executor | None = None
    ) -> None:
        self._context = context
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._awaited: concurrent.futures.Future[Any] | None = None
        self._is_over = False
        self.sync_context = SyncContext(context, self)

    async def unary(self, behaviour: Callable[[Any, Any], T], argument: Any) -> T:
        """Calls a handler with one reply."""
        if isinstance(argument, AsyncIterator):
            argument = self.iterate(argument)
        return await self.run(lambda: behaviour(argument, self.sync_context))

    async def stream(
        self, behaviour: Callable[[Any, Any], Any], argument: Any, to_message: Callable[[Any], Any]
    ) -> None:
        """Calls a handler with many replies, and writes each one."""
        if isinstance(argument, AsyncIterator):
            argument = self.iterate(argument)

        await self.run(lambda: self.write_all(behaviour(argument, self.sync_context), to_message))

    def write_all(self, replies: Iterable[Any], to_message: Callable[[Any], Any]) -> None:
        """Writes replies, on the thread, as long as somebody waits for them."""
        try:
            for reply in replies:
                if not self.sync_context.is_active():
                    return
                self.on_loop(self._context.write(to_message(reply)))
        finally:
            if isinstance(replies, Generator):
                replies.close()  # now, and not when its garbage is collected

    async def run(self, function: Callable[[], T]) -> T:
        """Runs a function on a thread; a cancelled call does not wait for it."""
        inside = contextvars.copy_context()
        future = self._loop.run_in_executor(self._executor, inside.run, _outcome, function)
        try:
            outcome = await future
        except asyncio.CancelledError:
            future.add_done_callback(_forget)
            raise
        finally:
            self._end()
        if isinstance(outcome, _Raised):
            raise outcome.exception
        return outcome

    def on_loop(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Waits, on the thread, for something that happens on the loop.

        Raises:
            CallIsOverError: The call was over first: its client is gone, or its time has passed.
        """
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._awaited = future
        if self._is_over:
            future.cancel()
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise CallIsOverError from None

    def _end(self) -> None:
        # A thread that still waits would wait for ever, and threads are few. The order is that of
        # on_loop the other way round, so one of the two sees the other.
        self._is_over = True
        if self._awaited is not None:
            self._awaited.cancel()
        self.sync_context.end()

    def iterate(self, messages: AsyncIterator[T]) -> Iterator[T]:
        """Returns the messages of a streamed request, for a thread."""
        end = object()

        async def following() -> Any:
            return await anext(messages, end)

        while (message := self.on_loop(following())) is not end:
            yield message


class CallIsOverError(grpc.RpcError):
    """Ends the iteration of requests, as a sync server does when its client is gone."""


class _Raised:
    """An exception on its way from a thread.

    A StopIteration cannot cross a future, and a SystemExit would end the loop and all its calls.
    """

    def __init__(self, exception: Exception) -> None:
        self.exception = exception


def _outcome(function: Callable[[], T]) -> T | _Raised:
    try:
        return function()
    except (StopIteration, SystemExit) as exception:
        said = RuntimeError(f"a handler raised {type(exception).__name__}")
        said.__cause__ = exception
        return _Raised(said)
    except Exception as exception:
        return _Raised(exception)


def _forget(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()


class SyncContext(grpc.ServicerContext):
    """The context that sync servicers and interceptors see."""

    def __init__(self, context: TranscodedContext, bridge: SyncBridge) -> None:
        self._context = context
        self._bridge = bridge
        self._is_active = True
        self._callbacks: list[Callable[[], None]] = []

    def abort(self, code: grpc.StatusCode, details: str) -> Any:
        """Ends the call: raises."""
        self._context.record_sync_abort(code, details)

    def abort_with_status(self, status: grpc.Status) -> Any:
        """Ends the call with a status such as grpcio-status makes."""
        self._context.record_sync_abort(
            status.code,
            status.details,
            status.trailing_metadata,
        )

    def is_active(self) -> bool:
        """Says whether somebody still waits for the reply."""
        return self._is_active

    def cancel(self) -> Any:
        """Ends the call with CANCELLED."""
        self._context.set_code(grpc.StatusCode.CANCELLED)
        self._is_active = False

    def add_callback(self, callback: Callable[[], None]) -> Any:
        """Calls back when the call is over; False if it is already."""
        if not self._is_active:
            return False
        self._callbacks.append(callback)
        return True

    def end(self) -> None:
        """Marks the call as over, and calls back."""
        self._is_active = False
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("a callback of a call raised")

    def time_remaining(self) -> Any:
        """Returns the seconds until the deadline, or None if the call has none."""
        return self._context.time_remaining()

    def invocation_metadata(self) -> Any:
        """Returns the request's headers as metadata."""
        return self._context.invocation_metadata()

    def peer(self) -> str:
        """Returns the caller's address, such as `ipv4:127.0.0.1:1234`."""
        return self._context.peer()

    def peer_identities(self) -> Any:
        """Returns who the transport says that the caller is, or None."""
        return self._context.peer_identities()

    def peer_identity_key(self) -> Any:
        """Returns the entry of the auth context that identifies the caller, or None."""
        return self._context.peer_identity_key()

    def auth_context(self) -> Any:
        """Returns what the transport knows of the caller."""
        return self._context.auth_context()

    def set_compression(self, compression: grpc.Compression) -> None:
        """Does nothing: compressing a reply is the HTTP server's affair."""

    def disable_next_message_compression(self) -> None:
        """Does nothing: compressing a reply is the HTTP server's affair."""

    def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Keeps the headers of the reply; over HTTP they leave with its first byte."""
        if self._context.initial_metadata is not None:
            raise ValueError("Initial metadata no longer allowed!")
        self._context.initial_metadata = tuple(initial_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Sets the trailers."""
        self._context.set_trailing_metadata(trailing_metadata)

    def trailing_metadata(self) -> Any:
        """Returns the trailers so far."""
        return self._context.trailing_metadata()

    def set_code(self, code: grpc.StatusCode) -> None:
        """Sets the code; other than OK it discards the reply."""
        self._context.set_code(code)

    def set_details(self, details: str) -> None:
        """Sets the message that goes with the code."""
        self._context.set_details(details)

    def code(self) -> Any:
        """Returns the code so far."""
        return self._context.code()

    def details(self) -> Any:
        """Returns the message so far, as bytes, as a sync server does."""
        return self._context.details().encode()
