"""Handlers that tests run in processes; they find them here by name."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, wrappers_pb2

from longrunning.engines.context import OperationCancelled, SyncOperationContext
from longrunning.errors import Aborted, OperationsError, ResourceExhausted
from longrunning.handlers import Handler, Handlers

TEXT = wrappers_pb2.StringValue
NUMBER = wrappers_pb2.Int32Value
handlers = Handlers()
process = functools.partial(
    handlers.handler, run="process", response=TEXT, metadata=TEXT, checkpoint=TEXT, grace=20
)


class Locked(Aborted):
    """An error with a constructor of its own."""

    def __init__(self, by: str) -> None:
        super().__init__(f"Locked by {by}.", reason="LOCKED", metadata={"by": by})
        self.by = by


class Unpicklable(Aborted):
    def __init__(self) -> None:
        super().__init__("Has a lock.", reason="R")
        self.lock = threading.Lock()


class StatusError(Exception):
    code = grpc.StatusCode.DATA_LOSS
    details = "Rows are gone."


@process()
def pid(request: TEXT, operation: SyncOperationContext) -> TEXT:
    return TEXT(value=str(os.getpid()))


@process()
def echo(request: TEXT, operation: SyncOperationContext) -> TEXT:
    return request


@process()
def describe(request: TEXT, operation: SyncOperationContext) -> TEXT:
    last = operation.last_checkpoint
    shown = (
        operation.name,
        operation.parent,
        operation.attempt,
        operation.deadline and operation.deadline.isoformat(),
        last and last.value,
        operation.request.value,
        operation.cancelled,
    )
    return TEXT(value=repr(shown))


@handlers.handler(run="process")
def nothing(request: TEXT, operation: SyncOperationContext) -> None:
    pass


@handlers.handler(run="process", response=any_pb2.Any)
def packed(request: any_pb2.Any, operation: SyncOperationContext) -> any_pb2.Any:
    return request


@process()
def write(request: TEXT, operation: SyncOperationContext) -> TEXT:
    operation.report(TEXT(value="reported"))
    operation.checkpoint(TEXT(value="left"))
    return TEXT(value="written")


@process()
def report_many(request: TEXT, operation: SyncOperationContext) -> TEXT:
    began = time.perf_counter()
    for _ in range(int(request.value)):
        operation.report(request)
    return TEXT(value=str(time.perf_counter() - began))


@process()
def report_until_refused(request: TEXT, operation: SyncOperationContext) -> TEXT:
    try:
        while True:
            operation.report(request)
    except OperationsError as error:
        return TEXT(value=repr((type(error).__name__, str(error), error.metadata)))


@process()
def report_wrongly(request: TEXT, operation: SyncOperationContext) -> TEXT:
    operation.report(NUMBER(value=1))
    return request


@process()
def return_wrongly(request: TEXT, operation: SyncOperationContext) -> Any:
    return NUMBER(value=1)


def refuse(error: LookupError) -> OperationsError:
    return ResourceExhausted(f"No {error.args[0]} left.", reason="NONE_LEFT")


def fail_to_refuse(error: ArithmeticError) -> OperationsError:
    raise RuntimeError("the mapping is broken")


RAISED: dict[str, Callable[[], BaseException]] = {
    "ours": lambda: Locked("me"),
    "unpicklable": Unpicklable,
    "status": StatusError,
    "mapped": lambda: KeyError("paper"),
    "badly mapped": ZeroDivisionError,
    "foreign": lambda: ValueError("secret password"),
    "exit": lambda: SystemExit(3),
    "interrupt": KeyboardInterrupt,
    "stop": StopIteration,
    "cancelled": OperationCancelled,
}


@process(errors={LookupError: refuse, ArithmeticError: fail_to_refuse})
def fail(request: TEXT, operation: SyncOperationContext) -> TEXT:
    raise RAISED[request.value]()


@process(errors={Exception: lambda error: Aborted(f"A {type(error).__name__}.", reason="MAPPED")})
def fail_as_anything(request: TEXT, operation: SyncOperationContext) -> TEXT:
    raise ValueError


@process()
def die(request: TEXT, operation: SyncOperationContext) -> TEXT:
    match request.value:
        case "exit":
            os._exit(3)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "report":
            operation.report(TEXT(value="last words"))
            os._exit(4)
    raise AssertionError


@process()
def die_after_forking(request: TEXT, operation: SyncOperationContext) -> TEXT:
    if not os.fork():
        time.sleep(1000)
    os._exit(5)


@process()
def die_after_starting_a_command(request: TEXT, operation: SyncOperationContext) -> TEXT:
    os.system("sleep 600 &")
    os._exit(6)


# How a handler can spend its time when it is told to stop.
def spin() -> None:
    while True:
        pass


def sleep() -> None:
    time.sleep(1000)


def read_pipe() -> None:
    os.read(os.pipe()[0], 1)


def wait_for_lock() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def wait_for_command() -> None:
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1000)"], check=True)


@process()
def occupied(request: TEXT, operation: SyncOperationContext) -> TEXT:
    """Says in a file that it has begun, is busy in the way asked for, and says it cleaned up."""
    way, _, evidence = request.value.partition(" ")
    try:
        with Path(evidence).open("w") as file:
            print("begun", file=file)
        globals()[way]()
    finally:
        with Path(evidence).open("a") as file:
            print("cleaned up", operation.cancelled, file=file)
    raise AssertionError


@process()
def finish_anyway(request: TEXT, operation: SyncOperationContext) -> TEXT:
    try:
        operation.report(TEXT(value="begun"))
        spin()
    except OperationCancelled:
        again = "not raised again"
        until = time.monotonic() + 0.2
        try:
            while time.monotonic() < until:
                pass
        except OperationCancelled:
            again = "raised again"
        try:
            operation.report(TEXT(value="too late"))
        except OperationCancelled:
            again += ", refused"
        return TEXT(value=again)


@process()
def fail_to_clean_up(request: TEXT, operation: SyncOperationContext) -> TEXT:
    try:
        operation.report(TEXT(value="begun"))
        spin()
    finally:
        raise ValueError("the disk is full")


@process(grace=0.2)
def never_stop(request: TEXT, operation: SyncOperationContext) -> TEXT:
    command = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
    while True:
        try:
            operation.report(TEXT(value=f"{os.getpid()} {command.pid}"))
            spin()
        except OperationCancelled:
            pass


@process()
def report_all_the_time(request: TEXT, operation: SyncOperationContext) -> TEXT:
    while True:
        operation.report(request)


@process()
def report_from_threads(request: TEXT, operation: SyncOperationContext) -> TEXT:
    threads = [
        threading.Thread(target=operation.report, args=[TEXT(value=str(number))])
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return request


LEFT: list[Exception] = []


@process()
def leave_thread(request: TEXT, operation: SyncOperationContext) -> TEXT:
    """Leaves a thread behind that writes, and returns while it does."""
    writing = threading.Event()

    def write_on() -> None:
        writing.set()
        try:
            while True:
                operation.report(request)
        except Exception as error:
            LEFT.append(error)

    threading.Thread(target=write_on, daemon=True).start()
    writing.wait()
    return request


@process()
def what_was_left(request: TEXT, operation: SyncOperationContext) -> TEXT:
    while not LEFT:
        time.sleep(0.001)
    operation.report(request)
    return TEXT(value=str(LEFT.pop()))


@process()
def outside_signals(request: TEXT, operation: SyncOperationContext) -> TEXT:
    """Gets what a whole group of processes gets."""
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return TEXT(value=f"goes on, {operation.cancelled}")


@process()
def descriptors(request: TEXT, operation: SyncOperationContext) -> TEXT:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists
            found.append(str(descriptor.readlink()))
    return TEXT(value="\n".join(found))


@functools.wraps(echo)
def _wrapping(request: Any, operation: Any) -> Any:
    return echo(request, operation)


def _under_another_name(request: TEXT, operation: SyncOperationContext) -> TEXT:
    return TEXT(value="found")


declared_apart: Handler[Any, Any] = process(name="apart")(_under_another_name)


def plain(request: TEXT, operation: SyncOperationContext) -> TEXT:
    return request


@process()
def compute_without_a_break(request: TEXT, operation: SyncOperationContext) -> TEXT:
    """Never lets another thread of the process run."""
    operation.report(TEXT(value="begun"))
    return TEXT(value=str(sum(range(10**12))))
