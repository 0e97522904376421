"""Following an operation until it is done, through restarts of the server."""

import time
from collections.abc import Iterator

import grpc
from google.longrunning import operations_pb2

from longrunning.commands.remote import Remote, answered

ANSWER_MARGIN = 10.0
"""How much longer than the wait asked for the answer may take, in seconds."""

PATIENCE = 60.0
"""How long a server that has answered before may be away, in seconds: long enough to restart."""

PAUSE = 1.0
"""The least time between two requests that were answered before their time, in seconds."""

_NO_WAIT = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.DEADLINE_EXCEEDED)
"""The service leaves WaitOperation out, or does not heed the time that it is given."""


def states(
    remote: Remote, name: str, *, step: float, timeout: float | None
) -> Iterator[operations_pb2.Operation]:
    """Yield the operation's latest state again and again; the last one is done, or time is over.

    Args:
        remote: the server.
        name: the operation.
        step: how long one request may wait for a change, in seconds.
        timeout: when to give up, in seconds; None waits for as long as it takes.

    Raises:
        grpc.RpcError: the first request failed, a later one was refused, or the server stayed away.

    Spec: google.longrunning.Operations.WaitOperation, which a server may leave out: then Get.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    operation = remote.get(name)
    yield operation
    answered_at, can_wait = time.monotonic(), True
    while not operation.done:
        begun = time.monotonic()
        left = step if deadline is None else min(step, deadline - begun)
        if left <= 0:
            return
        try:
            operation = _wait(remote, name, left) if can_wait else remote.get(name)
            answered_at = time.monotonic()
        except grpc.RpcError as error:
            if can_wait and error.code() in _NO_WAIT:
                can_wait = False
                continue
            if not _is_away(error) or time.monotonic() - answered_at > PATIENCE:
                raise
        yield operation
        if not operation.done:
            # A server may answer early: its own limit is shorter, it drains, or it was only asked.
            time.sleep(max(0.0, min(left, PAUSE) - (time.monotonic() - begun)))


def _wait(remote: Remote, name: str, seconds: float) -> operations_pb2.Operation:
    request = operations_pb2.WaitOperationRequest(name=name)
    request.timeout.FromNanoseconds(int(seconds * 1e9))
    return remote.operations.WaitOperation(request, timeout=seconds + ANSWER_MARGIN)


def _is_away(error: grpc.RpcError) -> bool:
    """Whether asking again may help: the connection broke, or the server says so itself."""
    code = error.code()
    return code is grpc.StatusCode.UNAVAILABLE or (
        # A connection that is closed under a call ends it in one of these as well.
        code in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
        and not answered(error)
    )
