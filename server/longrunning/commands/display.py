"""Operations as people read them, and as scripts do."""

import datetime
import json
import os
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence

import typer
from google.longrunning import operations_pb2
from google.protobuf import any_pb2
from google.rpc import code_pb2

from longrunning.commands.failure import one_line, printable
from longrunning.commands.message_types import MessageTypes
from longrunning.commands.progress import percentage

MAX_ITEMS = 10
"""How many elements of a list a person is shown; scripts get all of them."""

MAX_TEXT = 200
"""How many characters of one value a person is shown."""

_COLOURS = {"running": "cyan", "done": "green", "failed": "red", "cancelled": "yellow"}
_ROW = "{:<9}  {:>8}  {:<19}  {}"


def state(operation: operations_pb2.Operation) -> str:
    """One word: running, done, failed or cancelled."""
    if not operation.done:
        return "running"
    if not operation.HasField("error"):
        return "done"
    return "cancelled" if operation.error.code == code_pb2.CANCELLED else "failed"


def code_name(code: int) -> str:
    """The name of a google.rpc.Code, or the number when it is none."""
    return code_pb2.Code.Name(code) if code in code_pb2.Code.values() else f"code {code}"


def created(name: str) -> datetime.datetime | None:
    """When the operation was created, if its id is a UUIDv7, which begins with the time.

    Spec: RFC 9562, section 5.7: 48 bits of Unix time in milliseconds.
    """
    try:
        identifier = uuid.UUID(name.rpartition("/")[2])
        time = datetime.datetime.fromtimestamp((identifier.int >> 80) / 1000, datetime.UTC)
    except (ValueError, OverflowError):  # not a UUID, or a time after the year 9999
        return None
    return time if identifier.version == 7 else None


def json_line(operation: operations_pb2.Operation, types: MessageTypes) -> str:
    """The operation in protobuf's JSON mapping, on one line, in ASCII."""
    fields: dict[str, object] = {"name": operation.name}
    if operation.HasField("metadata"):
        fields["metadata"] = types.to_json(operation.metadata)
    if operation.done:
        fields["done"] = True
    if operation.HasField("error"):
        error = {"code": operation.error.code, "message": operation.error.message}
        details = [types.to_json(detail) for detail in operation.error.details]
        fields["error"] = {**error, **({"details": details} if details else {})}
    if operation.HasField("response"):
        fields["response"] = types.to_json(operation.response)
    return json.dumps(fields)


def heading() -> str:
    """The first line of a table; the name stands last, so that it is never cut."""
    return _ROW.format("STATE", "PROGRESS", "CREATED (UTC)", "NAME")


def row(operation: operations_pb2.Operation, types: MessageTypes) -> str:
    """One operation as a line of the table under `heading`."""
    time = created(operation.name)
    line = _ROW.format(
        state(operation),
        _percent(operation, types) or "-",
        f"{time:%Y-%m-%d %H:%M:%S}" if time else "-",
        printable(operation.name),
    )
    word = state(operation)
    return _coloured(word) + line[len(word) :]


def view(operation: operations_pb2.Operation, types: MessageTypes) -> Iterator[str]:
    """One operation in full, line by line."""
    yield f"name      {printable(operation.name)}"
    yield f"state     {_coloured(state(operation))}"
    if percent := _percent(operation, types):
        yield f"progress  {percent}"
    if time := created(operation.name):
        yield f"created   {time:%Y-%m-%d %H:%M:%S} UTC"
    if operation.HasField("error"):
        code = code_name(operation.error.code)
        yield f"error     {code}: {one_line(operation.error.message)}"
        for detail in operation.error.details:
            yield from _packed("  detail", detail, types)
    if operation.HasField("metadata"):
        yield from _packed("metadata", operation.metadata, types)
    if operation.HasField("response"):
        yield from _packed("response", operation.response, types)


def _percent(operation: operations_pb2.Operation, types: MessageTypes) -> str | None:
    percent = percentage(operation, types)
    return None if percent is None else f"{percent:.0f} %"


def _packed(label: str, packed: any_pb2.Any, types: MessageTypes) -> Iterator[str]:
    fields = types.to_json(packed)
    yield f"{label:<8}  {printable(packed.TypeName()) or '(of no type)'}"
    yield from _mapping({k: v for k, v in fields.items() if k != "@type"}, "  " * 2)


def _mapping(fields: Mapping[str, object], indent: str) -> Iterator[str]:
    width = max((len(key) for key in fields), default=0)
    for key, value in fields.items():
        if isinstance(value, Mapping | list) and value:
            yield f"{indent}{printable(key)}"
            yield from _nested(value, indent + "  ")
        else:
            yield f"{indent}{printable(key):<{width}}  {_scalar(value)}"


def _nested(value: Mapping[str, object] | Sequence[object], indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from _mapping(value, indent)
        return
    for item in value[:MAX_ITEMS]:
        if isinstance(item, Mapping | list) and item:
            lines = list(_nested(item, indent + "  "))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{indent}- {_scalar(item)}"
    if len(value) > MAX_ITEMS:
        yield f"{indent}and {len(value) - MAX_ITEMS} more (--json shows all)"


def _scalar(value: object) -> str:
    text = printable(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text)} characters)"


def _coloured(word: str) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return word
    return typer.style(word, fg=_COLOURS[word])
