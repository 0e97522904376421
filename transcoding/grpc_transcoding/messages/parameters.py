"""Path captures and query parameters, written into a request message.

    parameter = FIELD { "." FIELD } [ "[" KEY "]" | "." KEY ] ;

FIELD is a proto name or a JSON name, KEY the key of a map.

Spec: google/api/http.proto, "Rules for HTTP mapping".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.messages.fields import (
    descriptor_of,
    fields_by_any_name,
    inner_type,
    is_map,
    is_repeated,
)
from grpc_transcoding.messages.values import (
    InvalidValueError,
    is_textual_message,
    scalar_value,
    set_textual_message,
)

_DEEPEST = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPath:
    """A dotted name, resolved against a message.

    Attributes:
        parents: The singular message fields on the way.
        field: The field that holds the value.
        map_key: The text of the key, if the field is a map.
    """

    parents: tuple[FieldDescriptor, ...]
    field: FieldDescriptor
    map_key: str | None = None

    @property
    def name(self) -> str:
        """The path in proto names."""
        return ".".join(field.name for field in (*self.parents, self.field))


class UnknownFieldError(LookupError):
    """A dotted name that leads to no field.

    Attributes:
        problem: Why, such as `pkg.Book has no field 'titel'`.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def resolve(message: Descriptor, name: str) -> FieldPath:
    """Finds the field that a dotted name stands for.

    Raises:
        UnknownFieldError: There is none, or the path leads through something that has no fields.
    """
    within, bracket, key = name.partition("[")
    if bracket and not key.endswith("]"):
        raise UnknownFieldError(f"{shortened(name)!r} opens a '[' that it does not close")
    parents: list[FieldDescriptor] = []
    parts = within.split(".")
    if len(parts) > _DEEPEST:
        raise UnknownFieldError(f"the name is longer than {_DEEPEST} fields")
    for index, part in enumerate(parts):
        field = fields_by_any_name(message).get(part)
        if field is None:
            raise UnknownFieldError(f"{message.full_name} has no field {shortened(part)!r}")
        rest = parts[index + 1 :]
        if is_map(field):
            return FieldPath(
                parents=tuple(parents), field=field, map_key=_map_key(field, rest, bracket, key)
            )
        if not rest:
            if bracket:
                raise UnknownFieldError(f"{field.full_name} is no map")
            return FieldPath(parents=tuple(parents), field=field)
        if field.message_type is None or is_repeated(field):
            kind = "is repeated" if is_repeated(field) else "is no message"
            raise UnknownFieldError(f"{field.full_name} {kind}: nothing can follow it")
        parents.append(field)
        message = field.message_type
    raise UnknownFieldError("the name is empty")


def _map_key(field: FieldDescriptor, rest: list[str], bracket: str, key: str) -> str:
    if bracket and not rest:
        return key[:-1]
    if len(rest) == 1 and not bracket:
        return rest[0]
    raise UnknownFieldError(
        f"{field.full_name} is a map: write {field.name}[key]=value or {field.name}.key=value"
    )


def set_captures(request: Message, captures: Iterable[tuple[str, str]]) -> None:
    """Writes what the path captures into the request.

    Raises:
        TranscodingError: A captured text is no value of its field.
    """
    for name, text in captures:
        path = resolve(descriptor_of(request), name)
        _write(request, path, [text], name, "path")


def set_parameters(
    request: Message,
    parameters: Iterable[tuple[str, str]],
    *,
    bound: Collection[str],
    body_field: str,
    ignore_unknown: bool,
) -> None:
    """Writes query parameters into the request, after the path's captures.

    Args:
        request: What the path captures is in it already.
        parameters: Names and values, decoded, in order.
        bound: The field paths that the path captures: they are final.
        body_field: The field that the body fills, or an empty string.
        ignore_unknown: Whether a name that is no field is passed over.

    Raises:
        TranscodingError: A name is unknown, a value has the wrong type, or it contradicts the path.
    """
    grouped: dict[tuple[str, str | None], tuple[FieldPath, str, list[str]]] = {}
    for name, text in parameters:
        try:
            path = resolve(descriptor_of(request), name)
        except UnknownFieldError as error:
            if ignore_unknown:
                continue
            shown = shortened(name)
            raise invalid_argument(
                f"unknown query parameter {shown!r}: {error.problem}",
                reason="UNKNOWN_QUERY_PARAMETER",
                field=shown,
                parameter=shown,
            ) from None
        shown = shortened(name)  # the key of a map may be anything
        grouped.setdefault((path.name, path.map_key), (path, shown, []))[2].append(text)
    for path, name, texts in grouped.values():
        if body_field and (*path.parents, path.field)[0].name == body_field:
            raise invalid_argument(
                f"query parameter {name!r} is part of {body_field!r}, which the body holds",
                reason="FIELD_BOUND_BY_BODY",
                field=path.name,
                parameter=name,
            )
        if path.name in bound:
            _check_same(request, path, texts, name)
        elif (held := _overlapping(path.name, bound)) is not None:
            raise contradiction(held, f"query parameter {name!r}")
        else:
            _write(request, path, texts, name, "query parameter")


def _overlapping(name: str, bound: Collection[str]) -> str | None:
    """Returns the bound path that is part of a field, or that a field is part of, or None.

    A wrapper or a Timestamp has a text of its own, and fields besides.
    """
    for held in bound:
        if held.startswith(f"{name}.") or name.startswith(f"{held}."):
            return held
    return None


def _check_same(request: Message, path: FieldPath, texts: Sequence[str], name: str) -> None:
    said = type(request)()
    _write(said, path, texts, name, "query parameter")
    if not same_value(request, said, path):
        raise contradiction(path.name, f"query parameter {name!r}")


def contradiction(name: str, where: str) -> TranscodingError:
    """Returns the refusal of a request whose query or body disagrees with its path."""
    return invalid_argument(
        f"{where} disagrees with the path, which binds {name!r}; leave it out or repeat the value",
        reason="PATH_FIELD_CONFLICT",
        field=name,
        bound_by="path",
    )


def same_value(one: Message, other: Message, path: FieldPath) -> bool:
    """Says whether two messages have the same value at a path."""
    return read(one, path) == read(other, path)


def read(message: Message, path: FieldPath) -> object:
    """Returns the value at a path; a default where a parent is not set."""
    for parent in path.parents:
        message = getattr(message, parent.name)
    return getattr(message, path.field.name)


def _write(request: Message, path: FieldPath, texts: Sequence[str], name: str, where: str) -> None:
    holder = request
    for parent in path.parents:
        check_oneof(holder, parent, name)
        holder = getattr(holder, parent.name)
        holder.SetInParent()
    field = path.field
    if len(texts) > 1 and (not is_repeated(field) or path.map_key is not None):
        raise invalid_argument(
            f"{where} {name!r} is given {len(texts)} times, but {field.full_name} holds one value",
            reason="REPEATED_QUERY_PARAMETER",
            field=path.name,
            parameter=name,
        )
    check_oneof(holder, field, name)
    for text in texts:
        try:
            _write_one(holder, path, text)
        except InvalidValueError as error:
            shown = shortened(text)
            raise invalid_argument(
                f"{where} {name!r} is {shown!r}, it should be {error.wanted}",
                reason="INVALID_FIELD_VALUE",
                field=path.name,
                value=shown,
            ) from None


def check_oneof(holder: Message, field: FieldDescriptor, name: str) -> None:
    """Refuses to set a field beside another one of its oneof.

    Args:
        holder: The message that the field is in.
        field: What is to be set.
        name: How the request names it.

    Raises:
        TranscodingError: The other one is set.
    """
    oneof = field.containing_oneof
    if oneof is None:
        return
    chosen = holder.WhichOneof(oneof.name)
    if chosen not in {None, field.name}:
        raise invalid_argument(
            f"{name!r} and {chosen!r} exclude each other: both are in the oneof {oneof.name!r}",
            reason="ONEOF_CONFLICT",
            field=name,
            other=str(chosen),
        )


def _write_one(holder: Message, path: FieldPath, text: str) -> None:
    field = path.field
    if path.map_key is not None:
        _write_entry(holder, field, path.map_key, text)
    elif field.message_type is None:
        value = scalar_value(field, text)
        if is_repeated(field):
            getattr(holder, field.name).append(value)
        else:
            setattr(holder, field.name, value)
    elif is_textual_message(field):
        target = getattr(holder, field.name)
        set_textual_message(target.add() if is_repeated(field) else target, text)
    else:
        raise InvalidValueError(
            f"one of its fields, such as {field.name}.{_first_field(field)}: "
            f"{field.message_type.full_name} has no text of its own"
        )


def _first_field(field: FieldDescriptor) -> str:
    fields = inner_type(field).fields
    return str(fields[0].name) if fields else "field"


def _write_entry(holder: Message, field: FieldDescriptor, key_text: str, text: str) -> None:
    entry = inner_type(field).fields_by_name
    try:
        key = scalar_value(entry["key"], key_text)
    except InvalidValueError as error:
        raise InvalidValueError(f"under a key that is {error.wanted}") from None
    entries = getattr(holder, field.name)
    value = entry["value"]
    if value.message_type is None:
        entries[key] = scalar_value(value, text)
    elif is_textual_message(value):
        set_textual_message(entries[key], text)
    else:
        raise InvalidValueError(
            f"written in the body: {value.message_type.full_name} has no text of its own"
        )
