"""The messages of other transcoders' query cases, with their fields' names and types."""

import re

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    field_mask_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)

FieldProto = descriptor_pb2.FieldDescriptorProto
PACKAGE = "grpc_transcoding.anchors"
_IMPORTS = (duration_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
_WKT = {
    name: f".google.protobuf.{name}"
    for module in _IMPORTS
    for name in module.DESCRIPTOR.message_types_by_name
}
SCALARS = [
    "double",
    "float",
    "int64",
    "uint64",
    "int32",
    "fixed64",
    "fixed32",
    "bool",
    "string",
    "bytes",
    "uint32",
    "sfixed32",
    "sfixed64",
    "sint32",
    "sint64",
]
_ENUMS = {
    "Enum": ["ENUM_UNSPECIFIED", "ENUM_VALUE"],
    "Letters": ["X", "Y", "Z"],
}
_WRAPPED = ["bool", "int32", "int64", "uint32", "uint64", "double", "float", "bytes", "string"]


def _wrapper(scalar: str) -> str:
    return (
        scalar.replace("uint", "UInt").replace("int", "Int")[:1].upper()
        + scalar.replace("uint", "UInt").replace("int", "Int")[1:]
        + "Value"
    )


# name -> {field: type}; a type may be `repeated T`, `optional T`, `oneof NAME T` or `map K V`.
MESSAGES = {
    # vanguard.test.v1.ParameterValues
    "ParameterValues": {
        **{f"{s}_value": s for s in SCALARS},
        "timestamp": "Timestamp",
        "duration": "Duration",
        **{f"{s}_value_wrapper": _wrapper(s) for s in _WRAPPED},
        "field_mask": "FieldMask",
        "enum_value": "Enum",
        "enum_list": "repeated Enum",
        "double_list": "repeated double",
        "oneof_double_value": "oneof oneof double",
        "nested": "Nested",
        "recursive": "ParameterValues",
        "string_map": "map string string",
        "nested_map": "map string Nested",
    },
    "Nested": {"double_value": "double", "enum_value": "Enum"},
    # grpc.gateway.runtime.internal.examplepb.Proto3Message
    "Proto3Message": {
        "nested": "Proto3Message",
        **{f"{s}_value": s for s in ("float", "double", "int64", "int32", "uint64", "uint32", "bool", "string", "bytes")},
        "repeated_value": "repeated string",
        "optional_value": "optional string",
        "repeated_message": "repeated UInt64Value",
        "enum_value": "Letters",
        "repeated_enum": "repeated Letters",
        "timestamp_value": "Timestamp",
        "duration_value": "Duration",
        "fieldmask_value": "FieldMask",
        "oneof_bool_value": "oneof oneof_value bool",
        "oneof_string_value": "oneof oneof_value string",
        "nested_oneof_value_one": "oneof nested_oneof_value Proto3Message",
        "nested_oneof_int32_value": "oneof nested_oneof_value int32",
        "wrapper_float_value": "FloatValue",
        "wrapper_double_value": "DoubleValue",
        "wrapper_int64_value": "Int64Value",
        "wrapper_int32_value": "Int32Value",
        "wrapper_u_int64_value": "UInt64Value",
        "wrapper_u_int32_value": "UInt32Value",
        "wrapper_bool_value": "BoolValue",
        "wrapper_string_value": "StringValue",
        "wrapper_bytes_value": "BytesValue",
        "map_value": "map string string",
        "map_value2": "map string int32",
        "map_value3": "map int32 string",
        "map_value4": "map string int64",
        "map_value5": "map int64 string",
        "map_value6": "map string uint32",
        "map_value7": "map uint32 string",
        "map_value8": "map string uint64",
        "map_value9": "map uint64 string",
        "map_value10": "map string float",
        "map_value12": "map string double",
        "map_value14": "map string bool",
        "map_value15": "map bool string",
        "map_value16": "map string Letters",
        "struct_value_value": "Value",
        "struct_value": "Struct",
    },
    # google.showcase.v1beta1.ComplianceData
    "ComplianceData": {
        **{f"f_{s}": s for s in SCALARS},
        "f_child": "ComplianceDataChild",
        **{f"p_{s}": f"optional {s}" for s in ("string", "int32", "double", "bool")},
        "p_child": "optional ComplianceDataChild",
    },
    "ComplianceDataChild": {
        "f_string": "string", "f_float": "float", "f_double": "double", "f_bool": "bool",
        "f_child": "ComplianceDataGrandchild",
        "p_string": "optional string", "p_float": "optional float", "p_double": "optional double",
        "p_bool": "optional bool", "p_child": "optional ComplianceDataGrandchild",
    },
    "ComplianceDataGrandchild": {"f_string": "string", "f_double": "double", "f_bool": "bool"},
}  # fmt: skip


def _type(field, kind: str) -> None:
    if kind in SCALARS:
        field.type = FieldProto.Type.Value(f"TYPE_{kind.upper()}")
    elif kind in _ENUMS:
        field.type, field.type_name = FieldProto.TYPE_ENUM, f".{PACKAGE}.{kind}"
    else:
        field.type = FieldProto.TYPE_MESSAGE
        field.type_name = _WKT.get(kind, f".{PACKAGE}.{kind}")


def _add_field(message, number: int, name: str, text: str) -> None:
    words = text.split()
    field = message.field.add(name=name, number=number, label=FieldProto.LABEL_OPTIONAL)
    if words[0] == "map":
        entry_name = re.sub("(?:^|_)(.)", lambda m: m[1].upper(), name) + "Entry"
        entry = message.nested_type.add(name=entry_name)
        entry.options.map_entry = True
        _add_field(entry, 1, "key", words[1])
        _add_field(entry, 2, "value", words[2])
        field.label, field.type = FieldProto.LABEL_REPEATED, FieldProto.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{message.name}.{entry_name}"
        return
    _type(field, words[-1])
    if words[0] == "repeated":
        field.label = FieldProto.LABEL_REPEATED
    elif words[0] in {"oneof", "optional"}:
        oneof = words[1] if words[0] == "oneof" else f"_{name}"
        names = [each.name for each in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)
        field.proto3_optional = words[0] == "optional"


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(
        name="grpc_transcoding/anchors.proto", package=PACKAGE, syntax="proto3"
    )
    file.dependency.extend(module.DESCRIPTOR.name for module in _IMPORTS)
    for name, values in _ENUMS.items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        # What is a real oneof comes before what `optional` makes one.
        ordered = sorted(fields.items(), key=lambda item: item[1].startswith("optional"))
        for number, (field, text) in enumerate(ordered, 1):
            _add_field(message, number, field, text)
    return file


_POOL = descriptor_pool.Default()
_POOL.Add(_file())


def anchor_class(name: str):
    """Returns the class of one of the messages."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))
