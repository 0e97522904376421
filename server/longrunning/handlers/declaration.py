"""Making a handler of a function, or saying what is wrong with the declaration."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, ParamSpec, TypeVar, get_args

from google.longrunning import operations_pb2
from google.protobuf import descriptor_pool, empty_pb2, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from longrunning.clock import microseconds
from longrunning.errors import OperationsError
from longrunning.handlers.handler import Handler, OnConflict, OnInterruption, Resources, Run

P = ParamSpec("P")
R = TypeVar("R")


def declare(
    function: Callable[P, R],
    *,
    method: str,
    response: type[Message] | None,
    metadata: type[Message] | None,
    checkpoint: type[Message] | None,
    run: Run | None,
    name: str | None,
    errors: Mapping[type[Exception], Callable[[Any], OperationsError]],
    on_interruption: OnInterruption,
    max_attempts: int,
    timeout: float | None,
    grace: float,
    max_running: int | None,
    conflict: Callable[[Any], str] | None,
    on_conflict: OnConflict,
    labels: Collection[str],
    resources: Resources,
    cancellable: bool,
    retention: float | None,
) -> Handler[P, R]:
    """Returns a handler; see `Handlers.handler` for what the options mean.

    Raises:
        TypeError: the function does not take `(request, operation)`, or the colour is wrong.
        ValueError: an option is out of range, or the types of `method` are not known.
    """
    if method:
        known_response, known_metadata = _types_of(method)
        response, metadata = response or known_response, metadata or known_metadata
    _check_parameters(function)
    _check_choice("on_interruption", on_interruption, OnInterruption)
    _check_choice("on_conflict", on_conflict, OnConflict)
    for option, number in (("max_attempts", max_attempts), ("max_running", max_running)):
        if number is not None and number < 1:
            raise ValueError(f"{option} is {number}: expected 1 or more")
    for option, seconds in (("timeout", timeout), ("grace", grace), ("retention", retention)):
        if seconds is not None:
            microseconds(option, seconds)
    if timeout is not None and microseconds("timeout", timeout) == 0:
        raise ValueError(f"timeout is {timeout}: expected more seconds, or None for no limit")
    if isinstance(labels, str):
        raise TypeError(f"labels is {labels!r}: expected a collection, such as [{labels!r}]")
    for exception in errors:
        if not (isinstance(exception, type) and issubclass(exception, Exception)):
            raise TypeError(f"errors maps {exception!r}: expected a class of exceptions")
    return Handler(
        function=function,
        name=name or method or f"{function.__module__}.{function.__qualname__}",
        method=method,
        run=_colour_of(function, run),
        response=response or empty_pb2.Empty,
        metadata=metadata,
        checkpoint=checkpoint,
        errors=dict(errors),
        on_interruption=on_interruption,
        max_attempts=max_attempts,
        timeout=timeout,
        grace=grace,
        max_running=max_running,
        conflict=conflict,
        on_conflict=on_conflict,
        labels=frozenset(labels),
        resources=resources,
        cancellable=cancellable,
        retention=retention,
    )


def _check_choice(option: str, value: str, choices: object) -> None:
    if value not in get_args(choices):
        expected = " or ".join(map(repr, get_args(choices)))
        raise ValueError(f"{option} is {value!r}: expected {expected}")


def _colour_of(function: Callable[..., Any], run: str | None) -> Run:
    shown = function.__qualname__
    if inspect.iscoroutinefunction(function):
        if run in (None, "loop"):
            return "loop"
        raise TypeError(f"{shown} is async, so it runs on the loop: leave out run={run!r}")
    if run == "thread":
        return "thread"
    if run == "process":
        if "<locals>" in shown or "<lambda>" in shown:
            raise TypeError(
                f"{shown} is defined inside of a function, where another process cannot find it: "
                "move it to its module"
            )
        return "process"
    raise TypeError(
        f"{shown} is a plain function, so it has to say where it runs: run='thread' or "
        f"run='process' (or make it async); got run={run!r}"
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
