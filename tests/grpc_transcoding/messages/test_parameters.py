"""Query parameters: other transcoders' cases, and messages that survive the way there and back."""

import base64

import pytest
from google.protobuf import descriptor_pool, json_format, text_format
from hypothesis import given
from hypothesis import strategies as st

from grpc_transcoding.errors import TranscodingError
from grpc_transcoding.messages.json_body import load_json, parse_message
from grpc_transcoding.messages.json_reply import JsonFormat, encode_json
from grpc_transcoding.messages.parameters import set_parameters
from grpc_transcoding.messages.system_parameters import split_parameters
from tests.grpc_transcoding._gen import library_pb2
from tests.grpc_transcoding.anchor_messages import anchor_class
from tests.grpc_transcoding.anchors import load


def fill(message, parameters, bound=()):
    set_parameters(message, parameters, bound=bound, body_field="", ignore_unknown=False)
    return message


def canonical(message):
    # NaN is not equal to itself, but its JSON is.
    return json_format.MessageToDict(message)


VANGUARD_DEVIATIONS = {
    # (field, value): what is decided otherwise
    ("string_value_wrapper", '"hello world"'): "a wrapper's text is its value, as a scalar's is",
    ("enum_value", "null"): "an enum is a name or a number (Request 2)",
    ("nested_map.double_value", "1.234"): "`m.key` is an entry of a map (Request 2)",
}


@pytest.mark.parametrize(
    "case", load("vanguard_query.jsonl"), ids=lambda c: f"{c['field_path']}={c['value'][:30]}"
)
def test_agrees_with_vanguard(case):
    message = json_format.ParseDict(case.get("initial", {}), anchor_class("ParameterValues")())
    try:
        result = canonical(fill(message, [(case["field_path"], case["value"])]))
    except TranscodingError:
        result = None
    expected = None
    if "message" in case:
        expected = canonical(
            json_format.ParseDict(case["message"], anchor_class("ParameterValues")())
        )
    deviates = (case["field_path"], case["value"]) in VANGUARD_DEVIATIONS
    assert (result != expected) == (deviates and result != expected)
    assert deviates == (result != expected) or (result is None and expected is None)


GO_DURATION = "a duration is seconds, `46800s`, as in JSON; 13h0m0s is Go's own"
FLOAT_KEY = "a protobuf map has no floating-point keys; the anchor passes over such parameters"


def without_gos_own(values: dict) -> dict:
    values = {k: v for k, v in values.items() if not k.startswith(("map_value11", "map_value13"))}
    return {k: ["46800s"] if v == ["13h0m0s"] else v for k, v in values.items()}


@pytest.mark.parametrize(
    "case",
    [c for c in load("grpc_gateway_query.jsonl") if c["type"] == "Proto3Message"],
    ids=lambda c: ",".join(c["values"])[:60],
)
def test_agrees_with_grpc_gateway(case):
    """But for `13h0m0s` (a duration is seconds) and maps with floating-point keys, which are none."""
    values = without_gos_own(case["values"])
    # What path or body hold is passed over there; here it is final, so it is left out.
    held = [".".join(path) for path in case.get("filter", [])]
    parameters = [
        (name, value)
        for name, texts in values.items()
        for value in texts
        if not any(name == h or name.startswith(h + ".") for h in held)
    ]
    message = anchor_class("Proto3Message")()
    if "message" not in case:
        with pytest.raises(TranscodingError):
            fill(message, parameters)
        return
    expected = json_format.ParseDict(case["message"], anchor_class("Proto3Message")())
    assert canonical(fill(message, parameters)) == canonical(expected)


SHOWCASE_SNAKE = "proto names are taken as well as JSON names (Request 2)"


@pytest.mark.parametrize(
    "case", [c["field_error"] for c in load("showcase.jsonl") if "field_error" in c], ids=str
)
def test_refuses_what_showcase_refuses_but_for_proto_names(case):
    name, value = case
    message = anchor_class("ComplianceData")()
    if name.startswith("f_"):
        if name == "f_bytes":
            value = base64.b64encode(value.encode()).decode()
        fill(message, [(name, value)])
        return
    with pytest.raises(TranscodingError):
        fill(message, [(name, value)])


@pytest.mark.parametrize(
    "case", [c for c in load("showcase.jsonl") if "fields" in c], ids=lambda c: c["label"]
)
def test_takes_what_showcase_takes(case):
    message = anchor_class("ComplianceData")()
    parameters = []
    for name, value in case["fields"].items():
        # There, a text that is no base64 stands for its own bytes.
        is_bytes = name == "fBytes"
        parameters.append((name, base64.b64encode(value.encode()).decode() if is_bytes else value))
    fill(message, parameters)
    expected = text_format.Parse(case["textproto"], anchor_class("ComplianceData")())
    assert canonical(message) == canonical(expected)


SYSTEM_DEVIATIONS = {
    "$alt=json;enum-encoding=int": "`;` is no separator in a query, so this is what it says",
}


@pytest.mark.parametrize(
    "case", [c["system"] for c in load("showcase.jsonl") if "system" in c], ids=lambda c: c[0]
)
def test_separates_system_parameters_as_showcase_does(case):
    from urllib.parse import parse_qsl

    query, numbers, version, others, is_error = case
    parameters = parse_qsl(query, keep_blank_values=True, separator="&")
    try:
        system, rest = split_parameters(parameters, (), allow_credentials=False)
    except TranscodingError:
        assert is_error
        return
    if query in SYSTEM_DEVIATIONS:
        assert system.enums_as_numbers
        return
    assert not is_error
    assert system.enums_as_numbers == numbers
    assert system.metadata == ((("x-goog-api-version", version),) if version else ())
    assert rest == [(name, value) for name, values in others.items() for value in values]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([("stringMap[a]", "1"), ("string_map[b.c]", "2")], {"stringMap": {"a": "1", "b.c": "2"}}),
        ([("stringMap.a", "1")], {"stringMap": {"a": "1"}}),
        ([("int32Map[-3]", "true")], {"int32Map": {"-3": True}}),
        ([("timestampMap[t]", "2020-01-01T00:00:00Z")], {"timestampMap": {"t": "2020-01-01T00:00:00Z"}}),
        ([("bytesValue", "_-8"), ("bytesList", "+/8="), ("bytesList", " /8")], {"bytesValue": "/+8=", "bytesList": ["+/8=", "+/8="]}),
        ([("value", "3")], {"value": 3}),
        ([("value", "plain words")], {"value": "plain words"}),
        ([("value", "null")], {"value": None}),
        ([("listValue", '[1, "a"]')], {"listValue": [1, "a"]}),
        ([("timestamps", "2020-01-01T00:00:00Z")] * 2, {"timestamps": ["2020-01-01T00:00:00Z"] * 2}),
        ([("optionalString", ""), ("optionalInt32", "0")], {"optionalString": "", "optionalInt32": 0}),
        ([("nested.nested.author.year", "7")], {"nested": {"nested": {"author": {"year": 7}}}}),
        ([("enums", "BINDING_HARD"), ("enums", "2"), ("enums", "99")], {"enums": ["BINDING_HARD", "BINDING_SOFT", 99]}),
        ([("doubleValue", "-.5e1"), ("floatValue", "1e10")], {"doubleValue": -5.0, "floatValue": 1e10}),
        ([("boolWrapper", "false"), ("stringWrapper", "")], {"boolWrapper": False, "stringWrapper": ""}),
    ],
)  # fmt: skip
def test_writes_each_type_of_field(parameters, expected):
    assert canonical(fill(library_pb2.AllTypes(), parameters)) == expected


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        (("stringMap", "a"), "unknown query parameter 'stringMap': grpc_transcoding.testing.v1.AllTypes.string_map is a map: write string_map[key]=value or string_map.key=value"),
        (("stringMap[a", "1"), "unknown query parameter 'stringMap[a': 'stringMap[a' opens a '[' that it does not close"),
        (("stringMap.a.b", "1"), "unknown query parameter 'stringMap.a.b': grpc_transcoding.testing.v1.AllTypes.string_map is a map: write string_map[key]=value or string_map.key=value"),
        (("author[x]", "1"), "unknown query parameter 'author[x]': grpc_transcoding.testing.v1.AllTypes.author is no map"),
        (("authors.year", "1"), "unknown query parameter 'authors.year': grpc_transcoding.testing.v1.AllTypes.authors is repeated: nothing can follow it"),
        (("", "1"), "unknown query parameter '': grpc_transcoding.testing.v1.AllTypes has no field ''"),
        (("authorMap[a]", "1"), "query parameter 'authorMap[a]' is '1', it should be written in the body: grpc_transcoding.testing.v1.Author has no text of its own"),
        (("int32Map[x]", "true"), "query parameter 'int32Map[x]' is 'true', it should be under a key that is an integer from -2147483648 to 2147483647"),
        (("any", "1"), "query parameter 'any' is '1', it should be one of its fields, such as any.type_url: google.protobuf.Any has no text of its own"),
        (("timestamp", "noon"), "query parameter 'timestamp' is 'noon', it should be an RFC 3339 timestamp, such as 2006-01-02T15:04:05Z"),
        (("duration", "1h"), "query parameter 'duration' is '1h', it should be a duration in seconds, such as 3.5s"),
        (("struct", "[]"), "query parameter 'struct' is '[]', it should be JSON for a google.protobuf.Struct"),
        (("boolValue", "True"), "query parameter 'boolValue' is 'True', it should be true or false"),
        (("bytesValue", "!"), "query parameter 'bytesValue' is '!', it should be base64, in the standard or the URL-safe alphabet"),
        (("floatValue", "3.5e38"), "query parameter 'floatValue' is '3.5e38', it should be a 32-bit floating-point number, NaN, Infinity or -Infinity"),
        (("uint64Value", "-1"), "query parameter 'uint64Value' is '-1', it should be an integer from 0 to 18446744073709551615"),
        (("int32Value", "٣"), "query parameter 'int32Value' is '٣', it should be an integer from -2147483648 to 2147483647"),
    ],
)  # fmt: skip
def test_says_what_would_have_been_right(parameter, message):
    with pytest.raises(TranscodingError) as raised:
        fill(library_pb2.AllTypes(), [parameter])
    assert raised.value.message == message


# Any message that a query can say: scalars, lists, wrappers, well-known types, maps, nested.
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
DOUBLE = st.floats(allow_nan=False, allow_infinity=False)
# The oldest protobuf refuses the largest of 32 bits in JSON.
FLOAT = st.floats(-(2.0**127), 2.0**127, width=32)
SECONDS = st.integers(-315576000000, 315576000000)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELDS = {
    "doubleValue": DOUBLE, "floatValue": FLOAT, "int32Value": INT32, "int64Value": INT64,
    "uint32Value": st.integers(0, 2**32 - 1), "uint64Value": st.integers(0, 2**64 - 1),
    "sint32Value": INT32, "sint64Value": INT64, "fixed32Value": st.integers(0, 2**32 - 1),
    "fixed64Value": st.integers(0, 2**64 - 1), "sfixed32Value": INT32, "sfixed64Value": INT64,
    "boolValue": st.booleans(), "stringValue": TEXT,
    "bytesValue": st.binary(max_size=20).map(lambda b: base64.b64encode(b).decode()),
    "enumValue": st.sampled_from(["BINDING_HARD", "BINDING_SOFT"]) | INT32,
    "optionalString": TEXT, "optionalInt32": INT32, "strings": st.lists(TEXT, min_size=1, max_size=3),
    "int64s": st.lists(INT64, min_size=1, max_size=3),
    "doubles": st.lists(DOUBLE, min_size=1, max_size=3),
    "enums": st.lists(st.sampled_from(["BINDING_HARD", "BINDING_SOFT"]), min_size=1, max_size=3),
    "timestamp": st.datetimes(min_value=__import__("datetime").datetime(1000, 1, 1)).map(lambda d: d.isoformat() + "Z"),
    "duration": SECONDS.map(lambda s: f"{s}s"),
    "fieldMask": st.lists(st.sampled_from(["a", "bC", "d.eF"]), max_size=3).map(",".join),
    "boolWrapper": st.booleans(), "int32Wrapper": INT32, "int64Wrapper": INT64,
    "uint32Wrapper": st.integers(0, 2**32 - 1), "uint64Wrapper": st.integers(0, 2**64 - 1),
    "floatWrapper": FLOAT, "doubleWrapper": DOUBLE, "stringWrapper": TEXT,
    "bytesWrapper": st.binary(max_size=9).map(lambda b: base64.b64encode(b).decode()),
    "struct": st.dictionaries(TEXT, JSON, max_size=3), "value": JSON,
    "listValue": st.lists(JSON, max_size=3),
    "stringMap": st.dictionaries(TEXT.filter(lambda k: "]" not in k), TEXT, min_size=1, max_size=3),
    "int32Map": st.dictionaries(INT32.map(str), st.booleans(), min_size=1, max_size=3),
    "author": st.fixed_dictionaries({"fullName": TEXT, "year": INT32}),
}  # fmt: skip
MESSAGES = st.fixed_dictionaries({}, optional=FIELDS)
_AS_JSON = {"struct", "value", "listValue"}


def said(value) -> str:
    import json
    import math

    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value if isinstance(value, str) else json.dumps(value)


def parameters_of(fields: dict) -> list[tuple[str, str]]:
    import json

    parameters = []
    for name, value in fields.items():
        if name in _AS_JSON:
            parameters.append((name, json.dumps(value)))
        elif name.endswith("Map"):
            parameters += [(f"{name}[{key}]", said(item)) for key, item in value.items()]
        elif isinstance(value, dict):
            parameters += [(f"{name}.{key}", said(item)) for key, item in value.items()]
        elif isinstance(value, list):
            parameters += [(name, said(item)) for item in value]
        else:
            parameters.append((name, said(value)))
    return parameters


def body_of(fields: object):
    message = library_pb2.AllTypes()
    parse_message(fields, message, pool=descriptor_pool.Default())
    return message


@given(MESSAGES)
def test_a_query_and_a_body_that_say_the_same_are_the_same_message(fields):
    by_query = fill(library_pb2.AllTypes(), parameters_of(fields))
    by_body = body_of(fields)
    assert by_query == by_body
    # And the reply's JSON says it again.
    reply = encode_json(by_query, JsonFormat(), descriptor_pool.Default())
    assert body_of(load_json(reply, max_depth=64)) == by_body
