"""The `grpc.aio.ServicerContext` of a call that comes over HTTP.

It behaves as the one of a real server: an abort is kept and raised again however often it is
swallowed, trailers that are set after it do not count, a reply beside a code other than OK is
discarded.

Spec: grpc.aio.ServicerContext.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import grpc
import grpc.aio

from grpc_transcoding.calls.metadata import Metadata, Metadatum
from grpc_transcoding.calls.outcome import CallFailure

# The kind of message is the method's affair: the context passes it on without a look.
Writer = Callable[[Any], Awaitable[None]]


class CallSource(Protocol):
    """Where a call comes from."""

    def metadata(self) -> tuple[Metadatum, ...]:
        """Returns the invocation metadata; asked again, the same object."""
        ...

    def peer(self) -> str:
        """Returns the caller's address, as gRPC writes it."""
        ...

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Returns what the transport knows of the caller."""
        ...


class TranscodedContext(grpc.aio.ServicerContext[Any, Any]):
    """The context that async servicers and interceptors see.

    Args:
        source: Where the call comes from.
        deadline: When it must be over, by `time.monotonic`, or None.
        write: Sends one message of a streamed reply, or None if the reply is one message.
        requests: The messages of a streamed request, or None if it is one message.

    Attributes:
        initial_metadata: What the servicer has sent as such, or None.
    """

    # Most calls change none of these, so they begin as those of the class.
    initial_metadata: Metadata | None = None
    _code: Any = None
    _details = ""
    _trailing: Metadata = ()
    _abort: grpc.aio.AbortError | None = None
    _is_done = False
    _callbacks: tuple[Callable[[Any], None], ...] = ()

    def __init__(
        self,
        source: CallSource,
        deadline: float | None = None,
        write: Writer | None = None,
        requests: AsyncIterator[Any] | None = None,
    ) -> None:
        self._source = source
        self._deadline = deadline
        self._write = write
        self._requests = requests

    async def read(self) -> Any:
        """Returns the next message of a streamed request, or `grpc.aio.EOF`."""
        self.raise_for_termination()
        if self._requests is None:
            raise grpc.aio.UsageError("read() is for streamed requests")
        return await anext(self._requests, grpc.aio.EOF)

    async def write(self, message: Any) -> None:
        """Sends one message of a streamed reply."""
        self.raise_for_termination()
        if self._write is None:
            raise grpc.aio.UsageError("write() is for streamed replies")
        if self.initial_metadata is None:
            self.initial_metadata = ()
        await self._write(message)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        """Keeps the headers of the reply; over HTTP they leave with its first byte."""
        self.raise_for_termination()
        if self.initial_metadata is not None:
            raise grpc.aio.UsageError("Send initial metadata failed: already sent")
        self.initial_metadata = tuple(initial_metadata)

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()
    ) -> Any:
        """Ends the call: raises, now and whenever the call goes on in spite of it."""
        self.record_abort(code, details, trailing_metadata)

    def record_sync_abort(self, code: Any, details: str, trailing_metadata: Any = ()) -> None:
        """Ends the call as a sync server's abort does: a later abort and empty details count."""
        self._abort = None
        if code is grpc.StatusCode.OK:
            code, details = grpc.StatusCode.UNKNOWN, ""
        self._details = details
        self.record_abort(code, details, trailing_metadata)

    def record_abort(self, code: Any, details: str = "", trailing_metadata: Any = ()) -> None:
        """Ends the call as `abort` does, without being awaited."""
        if self._abort is not None:
            raise grpc.aio.UsageError("Abort already called!")
        self._abort = grpc.aio.AbortError("Locally aborted.")
        self._code = code
        self._details = details or self._details
        if trailing_metadata or not self._trailing:
            self._trailing = tuple(trailing_metadata or ())
        self._is_done = True
        raise self._abort

    async def abort_with_status(self, status: grpc.Status) -> Any:
        """Ends the call with a status such as grpcio-status makes."""
        await self.abort(status.code, status.details, status.trailing_metadata)

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Sets the trailers, unless the call was aborted with its own."""
        if self._abort is None:
            self._trailing = tuple(trailing_metadata)

    def invocation_metadata(self) -> Any:
        """Returns the request's headers as metadata."""
        return self._source.metadata()

    def set_code(self, code: grpc.StatusCode) -> None:
        """Sets the code; other than OK it discards the reply."""
        if self._abort is None:
            self._code = code

    def set_details(self, details: str) -> None:
        """Sets the message that goes with the code."""
        if self._abort is None:
            self._details = details

    def set_compression(self, compression: grpc.Compression) -> None:
        """Does nothing: compressing a reply is the HTTP server's affair."""

    def disable_next_message_compression(self) -> None:
        """Does nothing: compressing a reply is the HTTP server's affair."""

    def peer(self) -> str:
        """Returns the caller's address, such as `ipv4:127.0.0.1:1234`."""
        return self._source.peer()

    def peer_identities(self) -> Sequence[bytes] | None:
        """Returns who the transport says that the caller is, or None."""
        key = self.peer_identity_key()
        return tuple(self._source.auth_context()[key]) if key else None

    def peer_identity_key(self) -> str | None:
        """Returns the entry of the auth context that identifies the caller, or None."""
        known = self._source.auth_context()
        for key in ("x509_subject_alternative_name", "x509_common_name"):
            if key in known:
                return key
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Returns what the transport knows of the caller."""
        return self._source.auth_context()

    def time_remaining(self) -> float:
        """Returns the seconds until the deadline, or None if the call has none."""
        if self._deadline is None:
            # The published type says float; a real server returns None, as we do.
            return None  # type: ignore[return-value]
        return max(self._deadline - time.monotonic(), 0.0)

    def trailing_metadata(self) -> Any:
        """Returns the trailers so far."""
        return self._trailing

    def code(self) -> Any:
        """Returns the code so far."""
        return self._code

    def details(self) -> str:
        """Returns the message that goes with the code so far."""
        return self._details

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Calls back, with this context, when the call is over."""
        self._callbacks = (*self._callbacks, callback)

    def done(self) -> bool:
        """Says whether the status is on its way."""
        return self._is_done

    def cancelled(self) -> bool:
        """Says whether the call ended with CANCELLED."""
        return bool(self._code == grpc.StatusCode.CANCELLED)

    # What follows is for the transcoder.

    @property
    def source(self) -> CallSource:
        """Where the call comes from."""
        return self._source

    @property
    def was_aborted(self) -> bool:
        """Whether `abort` was called."""
        return self._abort is not None

    def raise_for_termination(self) -> None:
        """Raises what ended the call, if something did."""
        if self._abort is not None:
            raise self._abort
        if self._is_done:
            raise grpc.aio.UsageError("RPC already finished.")

    def check(self) -> None:
        """Raises what the servicer said of the end of the call, unless that is OK.

        Raises:
            AbortError: It aborted, and went on in spite of it.
            CallFailure: It set a code.
        """
        if self._code is None and self._abort is None:
            return
        self.raise_for_termination()
        if failure := self.failure():
            raise failure

    def failure(self, exception: BaseException | None = None) -> CallFailure | None:
        """Returns how the call failed, or None if its code is OK.

        Args:
            exception: What the servicer raised, other than its abort. Its text stays here.
        """
        code = canonical(self._code)
        if code is not grpc.StatusCode.OK:
            return CallFailure(code, self._details, self._trailing)
        if self._abort is not None:
            return CallFailure(grpc.StatusCode.UNKNOWN, "", self._trailing)
        if exception is not None:
            return CallFailure(
                grpc.StatusCode.INTERNAL,
                "Internal error.",
                self._trailing,
                reason="SERVICER_FAILED",
            )
        return None

    def finish(self) -> tuple[Callable[[Any], None], ...]:
        """Marks the call as over and returns the callbacks to call."""
        self._is_done = True
        callbacks, self._callbacks = self._callbacks, ()
        return callbacks


def canonical(code: Any) -> grpc.StatusCode:
    """Returns the code that a servicer set, which may be a number; what is no code is UNKNOWN."""
    if code is None:
        return grpc.StatusCode.OK
    if isinstance(code, grpc.StatusCode):
        return code
    for known in grpc.StatusCode:
        if known.value[0] == code:
            return known
    return grpc.StatusCode.UNKNOWN
