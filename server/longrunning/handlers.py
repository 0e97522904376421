"""Handlers: the functions that do the work, and what is declared of them."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Generic, Literal, ParamSpec, TypeVar

from google.longrunning import operations_pb2
from google.protobuf import descriptor_pool, empty_pb2, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

P = ParamSpec("P")
R = TypeVar("R")

Run = Literal["loop", "thread"]
OnInterruption = Literal["retry", "fail"]


class Handler(Generic[P, R]):
    """A function that does the work of operations; calling it calls the function.

    Attributes:
        function: takes the request and an operation context, and returns the response.
        name: its stored identity: operations that wait for it carry this name.
        method: the RPC that starts it, `pkg.Service/Method`, or "".
        run: "loop" for an async function, "thread" for a plain one.
        response: the class of its result.
        metadata: the class of what it reports, or None if it reports nothing.
        on_interruption: whether work that was interrupted runs again or fails.
        max_attempts: how often it may be begun, with `on_interruption="retry"`.
        cancellable: whether CancelOperation is offered.
        retention: how long its operations are kept once done, in seconds; None for the default.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str,
        method: str,
        run: Run,
        response: type[Message],
        metadata: type[Message] | None,
        on_interruption: OnInterruption,
        max_attempts: int,
        cancellable: bool,
        retention: float | None,
    ) -> None:
        self.function = function
        self.name = name
        self.method = method
        self.run = run
        self.response = response
        self.metadata = metadata
        self.on_interruption = on_interruption
        self.max_attempts = max_attempts
        self.cancellable = cancellable
        self.retention = retention
        self.__doc__ = function.__doc__
        self.__wrapped__ = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function itself; no operation is involved."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Handler {self.name}>"


class Handlers:
    """The handlers of one `Operations`, by their stored names."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler[Any, Any]] = {}

    def __iter__(self) -> Iterator[Handler[Any, Any]]:
        return iter(self._handlers.values())

    def __contains__(self, handler: object) -> bool:
        return isinstance(handler, Handler) and self._handlers.get(handler.name) is handler

    def get(self, name: str) -> Handler[Any, Any] | None:
        """Returns the handler of a stored name, or None if this process does not have it."""
        return self._handlers.get(name)

    def add(self, handler: Handler[Any, Any]) -> None:
        """Adds a handler.

        Raises:
            ValueError: another one has its name.
        """
        if handler.name in self._handlers:
            raise ValueError(
                f"there is a handler named {handler.name!r} already: give one of them another name"
            )
        self._handlers[handler.name] = handler


def declare(
    function: Callable[P, R],
    *,
    method: str = "",
    response: type[Message] | None = None,
    metadata: type[Message] | None = None,
    run: str | None = None,
    name: str | None = None,
    on_interruption: OnInterruption = "fail",
    max_attempts: int = 3,
    cancellable: bool = True,
    retention: float | None = None,
) -> Handler[P, R]:
    """Makes a handler of a function, or says what is wrong with the declaration.

    Raises:
        TypeError: the function does not take `(request, operation)`, or the colour is wrong.
        ValueError: an option is out of range, or the types of `method` are not known.
    """
    if method:
        known_response, known_metadata = _types_of(method)
        response, metadata = response or known_response, metadata or known_metadata
    _check_parameters(function)
    if on_interruption not in ("retry", "fail"):
        raise ValueError(f"on_interruption is {on_interruption!r}: expected 'retry' or 'fail'")
    if max_attempts < 1:
        raise ValueError(f"max_attempts is {max_attempts}: expected 1 or more")
    return Handler(
        function,
        name=name or method or f"{function.__module__}.{function.__qualname__}",
        method=method,
        run=_colour_of(function, run),
        response=response or empty_pb2.Empty,
        metadata=metadata,
        on_interruption=on_interruption,
        max_attempts=max_attempts,
        cancellable=cancellable,
        retention=retention,
    )


def _colour_of(function: Callable[..., Any], run: str | None) -> Run:
    shown = function.__qualname__
    if inspect.iscoroutinefunction(function):
        if run in (None, "loop"):
            return "loop"
        raise TypeError(f"{shown} is async, so it runs on the loop: leave out run={run!r}")
    if run == "thread":
        return "thread"
    raise TypeError(
        f"{shown} is a plain function, so it has to say where it runs: run='thread' "
        f"(or make it async); got run={run!r}"
    )


def _check_parameters(function: Callable[..., Any]) -> None:
    try:
        inspect.signature(function).bind("request", "operation")
    except TypeError:
        raise TypeError(
            f"{function.__qualname__} must take two arguments, (request, operation)"
        ) from None


def _types_of(method: str) -> tuple[type[Message], type[Message] | None]:
    """Returns the response and metadata classes that a method declares.

    Spec: google/longrunning/operations.proto, OperationInfo
    """
    descriptor = _method_descriptor(method)
    info = descriptor.GetOptions().Extensions[operations_pb2.operation_info]
    if not info.response_type:
        raise ValueError(
            f"{method} has no google.longrunning.operation_info option: give response=... instead"
        )
    return (
        _message_class(info.response_type, descriptor),
        _message_class(info.metadata_type, descriptor) if info.metadata_type else None,
    )


def _method_descriptor(method: str) -> MethodDescriptor:
    service, slash, short = method.strip("/").partition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(short)
    except KeyError:
        found = None
    if not slash or found is None:
        raise ValueError(
            f"there is no method {method!r}: expected 'package.Service/Method', "
            "with its generated module imported"
        )
    return found


def _message_class(name: str, method: MethodDescriptor) -> type[Message]:
    """Resolves a type name as `operation_info` writes it: full, or relative to the package."""
    package = method.containing_service.file.package
    for candidate in (f"{package}.{name}", name):
        try:
            descriptor = descriptor_pool.Default().FindMessageTypeByName(candidate)
        except KeyError:
            continue
        return message_factory.GetMessageClass(descriptor)
    raise ValueError(
        f"operation_info of {method.full_name} names {name!r}, which no imported module defines"
    )
