"""Types that use all that a message can hold, in a pool of their own, and operations of them."""

from google.longrunning.operations_pb2 import Operation
from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    message_factory,
    struct_pb2,
    text_format,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.rpc import error_details_pb2

WELL_KNOWN = (any_pb2, duration_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)
PREFIX = "type.googleapis.com/"

# Field descriptors in text format are long; this is each field as `type name`, numbered in turn.
SCAN = """
string title; int64 files; uint64 size; float ratio; double score; bool urgent; bytes digest;
acme.State state; repeated string tags; repeated int32 sizes; repeated acme.Step steps;
map string string labels; map string acme.Step stages; map int32 string floors;
map bool string answers; map string google.protobuf.Value facts;
google.protobuf.Timestamp start_time; google.protobuf.Duration elapsed;
google.protobuf.Int32Value limit; google.protobuf.StringValue note;
google.protobuf.FloatValue share; google.protobuf.Struct extra; google.protobuf.Value anything;
google.protobuf.ListValue items; optional int32 attempt; oneof string bucket; oneof string disk;
acme.Scan parent; google.protobuf.Any packed; repeated google.protobuf.Any packs;
google.protobuf.NullValue nothing; repeated google.protobuf.Timestamp moments
"""
STEP = "string name; acme.State state; int32 tries; repeated acme.Step steps"

_SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}
_ENUMS = ("State", "NullValue", "Type")


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
        return
    field.type_name = f".{kind}"
    field.type = field.TYPE_ENUM if kind.endswith(_ENUMS) else field.TYPE_MESSAGE


def add_message(file: descriptor_pb2.FileDescriptorProto, name: str, fields: str) -> None:
    """Adds a message type to `file`, its fields written as above."""
    message = file.message_type.add(name=name)
    optional = []
    for number, words in enumerate((each.split() for each in fields.split(";")), start=1):
        *kinds, field_name = words
        field = message.field.add(name=field_name, number=number, label=1)
        match kinds:
            case ["map", key, value]:
                entry_name = f"{field_name.title().replace('_', '')}Entry"
                entry = message.nested_type.add(name=entry_name)
                entry.options.map_entry = True
                _set_type(entry.field.add(name="key", number=1, label=1), key)
                _set_type(entry.field.add(name="value", number=2, label=1), value)
                field.label = field.LABEL_REPEATED
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{file.package}.{name}.{entry_name}"
            case ["repeated", kind]:
                field.label = field.LABEL_REPEATED
                _set_type(field, kind)
            case ["oneof", kind]:
                if not message.oneof_decl:
                    message.oneof_decl.add(name="target")
                field.oneof_index = 0
                _set_type(field, kind)
            case ["optional", kind]:
                optional.append(field)
                _set_type(field, kind)
            case [kind]:
                _set_type(field, kind)
    for field in optional:  # synthetic oneofs come behind the real ones
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")


def new_pool() -> DescriptorPool:
    """Returns a pool that knows the well-known types and the details of errors."""
    pool = descriptor_pool.DescriptorPool()
    for module in (*WELL_KNOWN, error_details_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    return pool


def new_file(package: str) -> descriptor_pb2.FileDescriptorProto:
    """Returns an empty .proto file, which may use the well-known types."""
    return descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto",
        package=package,
        syntax="proto3",
        dependency=[module.DESCRIPTOR.name for module in WELL_KNOWN],
    )


def _acme() -> DescriptorPool:
    file = new_file("acme")
    state = file.enum_type.add(name="State")
    for number, name in enumerate(("STATE_UNSPECIFIED", "RUNNING", "FAILED")):
        state.value.add(name=name, number=number)
    add_message(file, "Step", STEP)
    add_message(file, "Scan", SCAN)
    scan = file.message_type[1]
    next(field for field in scan.field if field.name == "size").json_name = "sizeInBytes"
    pool = new_pool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL = _acme()


def message(pool: DescriptorPool, type_name: str, text: str = "") -> Message:
    """Returns a message of `type_name`, written in protobuf's text format."""
    made = message_factory.GetMessageClass(pool.FindMessageTypeByName(type_name))()
    text_format.Parse(text, made, descriptor_pool=pool)
    return made


def pack(content: Message) -> any_pb2.Any:
    """Returns `content` in an Any."""
    packed = any_pb2.Any()
    packed.Pack(content)
    return packed


def scan(text: str) -> Operation:
    """Returns an operation whose metadata is an acme.Scan, written in protobuf's text format."""
    return Operation(name="operations/scan", metadata=pack(message(POOL, "acme.Scan", text)))
