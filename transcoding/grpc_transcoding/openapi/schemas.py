"""JSON Schemas of messages, as protobuf's JSON mapping writes them.

Where the mapping takes several forms (a 64-bit integer as a number or a string), the schema has
the one that replies have.

Spec: OpenAPI 3.1, Schema Object; JSON Schema 2020-12; protobuf's JSON mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import combinations

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from grpc_transcoding.messages.fields import inner_type, is_map, is_repeated

Schema = dict[str, object]

_INT32: Schema = {"type": "integer", "format": "int32", "minimum": -(2**31), "maximum": 2**31 - 1}
_UINT32: Schema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1}
# As many digits as are surely in range: a pattern cannot count.
_INT64: Schema = {"type": "string", "format": "int64", "pattern": "^(0|-?[1-9][0-9]{0,17})$"}
_UINT64: Schema = {"type": "string", "format": "uint64", "pattern": "^(0|[1-9][0-9]{0,18})$"}
_SPECIAL: Schema = {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}
_DOUBLE: Schema = {"anyOf": [{"type": "number", "format": "double"}, _SPECIAL]}
_FLOAT: Schema = {
    "anyOf": [
        {"type": "number", "format": "float", "minimum": -3.4e38, "maximum": 3.4e38},
        _SPECIAL,
    ]
}
_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_BYTES: Schema = {"type": "string", "contentEncoding": "base64", "pattern": _BASE64}
_STRING: Schema = {"type": "string"}
_BOOL: Schema = {"type": "boolean"}

_SCALARS: dict[int, Schema] = {
    FieldDescriptor.TYPE_DOUBLE: _DOUBLE,
    FieldDescriptor.TYPE_FLOAT: _FLOAT,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_BOOL: _BOOL,
    FieldDescriptor.TYPE_STRING: _STRING,
    FieldDescriptor.TYPE_BYTES: _BYTES,
}

_WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {
        "type": "string",
        "pattern": "^-?[0-9]{1,11}(\\.[0-9]{1,9})?s$",
    },
    "google.protobuf.FieldMask": {"type": "string", "pattern": "^([a-zA-Z.,]*)$"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Empty": {"type": "object", "additionalProperties": False},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
    "google.protobuf.BoolValue": _BOOL,
    "google.protobuf.Int32Value": _INT32,
    "google.protobuf.Int64Value": _INT64,
    "google.protobuf.UInt32Value": _UINT32,
    "google.protobuf.UInt64Value": _UINT64,
    "google.protobuf.FloatValue": _FLOAT,
    "google.protobuf.DoubleValue": _DOUBLE,
    "google.protobuf.StringValue": _STRING,
    "google.protobuf.BytesValue": _BYTES,
}


class Schemas:
    """The schemas of a document; each message is described once, and referred to.

    Args:
        proto_names: Whether replies have `snake_case` names; requests may have them anyway.
        enums_as_numbers: Whether replies have numbers for enums; likewise.

    Attributes:
        components: By full name.
    """

    def __init__(self, *, proto_names: bool = False, enums_as_numbers: bool = False) -> None:
        self._proto_names = proto_names
        self._enums_as_numbers = enums_as_numbers
        self.components: dict[str, Schema] = {}

    def of_message(self, message: Descriptor) -> Schema:
        """Returns the schema of a message: its own form, or a reference."""
        known = _WELL_KNOWN.get(message.full_name)
        if known is not None:
            return known
        self._describe(message.full_name, lambda: self.of_fields(message))
        return _reference(message.full_name)

    def of_fields(self, message: Descriptor, without: Collection[str] = ()) -> Schema:
        """Returns the schema of a message's fields, written out.

        Args:
            message: The message.
            without: Proto names of fields that are left out.
        """
        fields = [field for field in message.fields if field.name not in without]
        schema: Schema = {
            "type": "object",
            "properties": {self._name(field): self.of_field(field) for field in fields},
            "additionalProperties": False,
        }
        pairs = [
            {"required": [self._name(one), self._name(other)]}
            for oneof in message.oneofs
            for one, other in combinations(oneof.fields, 2)
        ]
        if pairs:
            schema["not"] = {"anyOf": pairs}
        return schema

    def _name(self, field: FieldDescriptor) -> str:
        return str(field.name if self._proto_names else field.json_name)

    def of_field(self, field: FieldDescriptor) -> Schema:
        """Returns the schema of a field's value."""
        if is_map(field):
            value = inner_type(field).fields_by_name["value"]
            return {"type": "object", "additionalProperties": self.of_field(value)}
        one = self._of_one(field)
        return {"type": "array", "items": one} if is_repeated(field) else one

    def _of_one(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.of_message(field.message_type)
        if field.enum_type is not None:
            return self._of_enum(field.enum_type)
        return _SCALARS[field.type]

    def _of_enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        known = [v.number if self._enums_as_numbers else v.name for v in enum.values]
        kind = "integer" if self._enums_as_numbers else "string"
        values = list(dict.fromkeys(known))  # aliases share a number
        self._describe(enum.full_name, lambda: {"type": kind, "enum": values})
        return _reference(enum.full_name)

    def _describe(self, name: str, describe: Callable[[], Schema]) -> None:
        if name not in self.components:
            self.components[name] = {}  # a message may hold itself
            self.components[name] = describe()


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
