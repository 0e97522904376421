"""What is wrong with a declaration is said where it stands."""

import re
from typing import Any

import pytest
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2, wrappers_pb2

from examples.scanner._gen import scanner_pb2
from longrunning import Handler, MemoryStore, Operations, Resources

TEXT = wrappers_pb2.StringValue


def plain(request: TEXT, operation: Any) -> None:
    """Does nothing."""


async def colour(request: TEXT, operation: Any) -> None:
    """Does nothing, asynchronously."""


@pytest.fixture
def handler() -> Any:
    return Operations(MemoryStore()).handler


def test_a_decorated_function_stays_callable(handler: Any) -> None:
    @handler(run="thread", response=TEXT)
    def greet(request: TEXT, operation: Any) -> TEXT:
        """Greets."""
        return TEXT(value=f"hello {request.value}")

    assert isinstance(greet, Handler)
    assert greet(TEXT(value="you"), None).value == "hello you"
    assert greet.__doc__ == "Greets."
    assert greet.__wrapped__ is greet.function


def test_the_types_come_from_the_method(handler: Any) -> None:
    scan = handler(method="longrunning.examples.scan.v1.Scanner/Scan")(colour)
    assert (scan.response, scan.metadata) == (scanner_pb2.Manifest, scanner_pb2.ScanMetadata)
    assert scan.name == scan.method == "longrunning.examples.scan.v1.Scanner/Scan"


def test_what_is_left_out_has_its_default(handler: Any) -> None:
    declared = handler()(colour)
    assert declared.name == f"{__name__}.colour"
    assert declared.response is empty_pb2.Empty
    assert declared.metadata is declared.checkpoint is declared.timeout is None
    assert declared.run == "loop"
    assert declared.resources == Resources(cpus=1)
    assert declared.labels == frozenset()


@pytest.mark.parametrize("run", ["thread", "process"])
def test_a_plain_function_runs_where_it_says(handler: Any, run: str) -> None:
    assert handler(run=run)(plain).run == run


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (
            plain,
            {},
            "plain is a plain function, so it has to say where it runs: run='thread' or "
            "run='process' (or make it async); got run=None",
        ),
        (
            plain,
            {"run": "loop"},
            "plain is a plain function, so it has to say where it runs: run='thread' or "
            "run='process' (or make it async); got run='loop'",
        ),
        (
            colour,
            {"run": "thread"},
            "colour is async, so it runs on the loop: leave out run='thread'",
        ),
        (
            lambda request, operation: None,
            {"run": "process"},
            "<lambda> is defined inside of a function, where another process cannot find it: "
            "move it to its module",
        ),
        (lambda request: None, {}, "<lambda> must take two arguments, (request, operation)"),
        (colour, {"labels": "gpu"}, "labels is 'gpu': expected a collection, such as ['gpu']"),
        (
            colour,
            {"errors": {"KeyError": str}},
            "errors maps 'KeyError': expected a class of exceptions",
        ),
    ],
)
def test_a_function_of_the_wrong_shape_is_a_type_error(
    handler: Any, function: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        handler(**options)(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"on_interruption": "again"},
            "on_interruption is 'again': expected 'retry' or 'fail'",
        ),
        ({"on_conflict": "wait"}, "on_conflict is 'wait': expected 'refuse' or 'queue'"),
        ({"max_attempts": 0}, "max_attempts is 0: expected 1 or more"),
        ({"max_running": 0}, "max_running is 0: expected 1 or more"),
        (
            {"timeout": 0},
            "timeout is 0: expected more seconds, or None for no limit",
        ),
        ({"timeout": 1e-7}, "timeout is 1e-07: expected more seconds, or None for no limit"),
        (
            {"timeout": 1e12},
            "the timeout is 1e+12 seconds: expected from 0 to 31557600000, a thousand years",
        ),
        (
            {"timeout": -1.0},
            "the timeout is -1 seconds: expected from 0 to 31557600000, a thousand years",
        ),
        (
            {"grace": float("inf")},
            "the grace is inf seconds: expected from 0 to 31557600000, a thousand years",
        ),
        (
            {"retention": float("nan")},
            "the retention is nan seconds: expected from 0 to 31557600000, a thousand years",
        ),
        (
            {"method": "no.Such/Method"},
            "there is no method 'no.Such/Method': expected 'package.Service/Method', "
            "with its generated module imported",
        ),
        (
            {"method": "google.longrunning.Operations/GetOperation"},
            "google.longrunning.Operations/GetOperation has no "
            "google.longrunning.operation_info option: give response=... instead",
        ),
    ],
)
def test_an_option_out_of_range_is_a_value_error(
    handler: Any, options: dict[str, Any], message: str
) -> None:
    assert operations_pb2.DESCRIPTOR  # the module of the last row is imported
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        handler(**options)(colour)


def test_two_handlers_cannot_have_one_name(handler: Any) -> None:
    handler(name="same")(colour)
    with pytest.raises(ValueError, match="there is a handler named 'same' already"):
        handler(name="same", run="thread")(plain)
