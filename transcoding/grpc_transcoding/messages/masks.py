"""Masks: which fields a PATCH changes, and which fields a reply shows.

Spec: AIP-134 (update_mask); https://cloud.google.com/apis/docs/system-parameters (`fields`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from grpc_transcoding.errors import TranscodingError, invalid_argument, shortened
from grpc_transcoding.messages.fields import fields_by_any_name, is_map, is_repeated, is_well_known

_DEEPEST = 32


def has_mask_field(request: Descriptor) -> bool:
    """Says whether a request has a field `update_mask`."""
    field = request.fields_by_name.get("update_mask")
    return (
        field is not None
        and field.message_type is not None
        and field.message_type.full_name == "google.protobuf.FieldMask"
        and not is_repeated(field)
    )


def resource_of(request: Descriptor) -> FieldDescriptor | None:
    """Returns the one field of a request that a mask can be about, or None if it is not clear."""
    messages = [
        field
        for field in request.fields
        if field.message_type is not None
        and not is_repeated(field)
        and not is_well_known(field.message_type)
    ]
    return messages[0] if len(messages) == 1 else None


def present_paths(body: Mapping[str, object], message: Descriptor) -> Iterator[str]:
    """Yields the paths of the fields that a JSON body holds, in proto names.

    Messages are entered; lists, maps, and what has a JSON form of its own count as one field.
    """
    for key, value in body.items():
        field = fields_by_any_name(message).get(key)
        if field is None:
            continue
        inner = field.message_type
        if (
            inner is not None
            and isinstance(value, dict)
            and value
            and not is_repeated(field)
            and not is_map(field)
            and not inner.full_name.startswith("google.protobuf.")
        ):
            yield from (f"{field.name}.{path}" for path in present_paths(value, inner))
        else:
            yield field.name


class FieldSelection:
    """The mask of a reply: `name,metadata.@type,items(id,size)`.

        Selection = Path { "," Path } ;
        Path      = NAME { ( "." | "/" ) NAME } [ "(" Selection ")" ] ;

    `*` is every field. Names are proto or JSON names; what is inside an Any, a Struct or a map is
    selected by its key.

    Args:
        text: As the client wrote it.
        message: What is replied, or None if it has no fields.

    Raises:
        TranscodingError: The text is no selection, or names a field that the reply cannot have.
    """

    def __init__(self, text: str, message: Descriptor | None) -> None:
        self._text = text
        self._at = 0
        self._tree: dict[str, object] = {}
        if text.strip() not in {"", "*"}:
            self._selection(self._tree, message, depth=0)
            if self._at < len(text):
                raise self._error("expected ',' or the end")

    def apply(self, value: object) -> object:
        """Returns the selected part of a JSON value."""
        return _selected(value, self._tree)

    def _selection(self, tree: dict[str, object], message: Descriptor | None, depth: int) -> None:
        self._path(tree, message, depth)
        while self._text[self._at : self._at + 1] == ",":
            self._at += 1
            self._path(tree, message, depth)

    def _path(self, tree: dict[str, object], message: Descriptor | None, depth: int) -> None:
        while True:
            if depth > _DEEPEST:
                raise self._error(f"a path is deeper than {_DEEPEST} fields")
            name = self._name()
            keys: tuple[str, ...] = (name,)
            leaf = ""
            if message is not None and name != "*":
                field = fields_by_any_name(message).get(name)
                if field is None:
                    self._at -= len(name)
                    raise self._error(f"{message.full_name} has no field {shortened(name)!r}")
                keys = (field.json_name, field.name)
                inner = field.message_type
                leaf = field.full_name if inner is None else ""
                opaque = inner is None or is_map(field) or _is_opaque(inner)
                message = None if opaque else inner
            branch: dict[str, object] = {}
            # A reply may be written with JSON names or with proto names.
            found = tree.setdefault(keys[0], branch)
            assert isinstance(found, dict)
            branch = found
            for key in keys[1:]:
                tree[key] = branch
            following = self._text[self._at : self._at + 1]
            if leaf and following and following in "./(":
                raise self._error(f"{leaf} is no message: nothing can follow it")
            if following in {".", "/"}:
                self._at += 1
                tree = branch
                depth += 1
                continue
            if following == "(":
                self._at += 1
                self._selection(branch, message, depth + 1)
                if self._text[self._at : self._at + 1] != ")":
                    raise self._error("expected ')'")
                self._at += 1
            else:
                branch["*"] = {}
            return

    def _name(self) -> str:
        end = self._at
        while end < len(self._text) and self._text[end] not in ",./()":
            end += 1
        name = self._text[self._at : end]
        if not name:
            raise self._error("expected a field name")
        self._at = end
        return name

    def _error(self, problem: str) -> TranscodingError:
        column = self._at + 1
        return invalid_argument(
            f"the mask {shortened(self._text)!r} is not understood at column {column}: {problem}",
            reason="INVALID_FIELD_MASK",
            column=str(column),
            value=shortened(self._text),
        )


def _is_opaque(message: Descriptor) -> bool:
    return bool(message.full_name.startswith("google.protobuf."))


def _selected(value: object, tree: Mapping[str, object]) -> object:
    if not tree or ("*" in tree and not tree["*"]):
        return value
    if isinstance(value, list):
        return [_selected(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    rest = tree.get("*")
    return {
        key: _selected(inner, branch)
        for key, inner in value.items()
        if isinstance(branch := tree.get(key, rest), dict)
    }
