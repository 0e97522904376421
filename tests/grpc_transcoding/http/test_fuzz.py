"""Arbitrary bytes as path, query, headers and body: never a 500, always Google error JSON.

`make fuzz` does the same for longer, guided by coverage.
"""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.grpc_transcoding.fuzz.oracle import PATHS, check, library

TARGETS = st.sampled_from(PATHS) | st.binary(max_size=40).map(lambda b: b"/" + b)
SUFFIXES = st.sampled_from(
    [b"", b":move", b":read", b":import", b"/", b"%2F", b"%ff", b"%zz", b":"]
)
NAMES = st.sampled_from(
    [
        "alt",
        "$alt",
        "fields",
        "prettyPrint",
        "key",
        "pageSize",
        "parent",
        "book.title",
        "types.int64Value",
        "types.any",
        "types.stringMap[a]",
        "types.struct",
        "types.nested.timestamp",
        "types.value",
        "updateMask",
        "types.enums",
        "types.choiceString",
        "types.fieldMask",
    ]
)
TEXTS = st.text(max_size=10) | st.sampled_from(
    ["json", "proto", "sse", "media", "*", "1", "-1", "1e400", "NaN", "null", "{}", "[]", "a.b(c"]
)
QUERIES = st.binary(max_size=30) | st.lists(st.tuples(NAMES, TEXTS), max_size=4).map(
    lambda pairs: "&".join(f"{k}={v}" for k, v in pairs).encode("utf-8", "replace")
)
HEADER_NAMES = st.sampled_from(
    [
        "accept",
        "content-type",
        "content-encoding",
        "grpc-timeout",
        "x-server-timeout",
        "x-goog-fieldmask",
        "x-http-method-override",
        "x-any-bin",
        "grpc-metadata-a",
        "authorization",
        "cookie",
        "te",
        "host",
    ]
).map(str.encode) | st.binary(max_size=10).map(bytes.lower)
HEADER_VALUES = st.binary(max_size=20) | st.sampled_from(
    [b"application/json", b"application/x-ndjson", b"text/event-stream", b"1S", b"GET", b"name"]
)
HEADERS = st.lists(st.tuples(HEADER_NAMES, HEADER_VALUES), max_size=4)
KEYS = st.sampled_from(
    [
        "title",
        "author",
        "fullName",
        "year",
        "tags",
        "titles",
        "printTime",
        "binding",
        "extra",
        "@type",
        "types",
        "int64Value",
        "name",
        "value",
        "struct",
        "any",
        "nested",
        "choiceString",
        "choiceInt32",
    ]
) | st.text(max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)


def as_json(value) -> bytes:
    import json

    return json.dumps(value).encode()


ANYS = st.sampled_from(
    ["Value", "Any", "Struct", "Timestamp", "BytesValue", "FieldMask", "Empty", "Nothing"]
).map(lambda name: f"type.googleapis.com/google.protobuf.{name}")
TYPES = st.fixed_dictionaries(
    {},
    optional={
        "any": st.fixed_dictionaries({"@type": ANYS | JSON}, optional={"value": JSON}),
        "value": JSON, "struct": JSON, "listValue": JSON, "timestamp": JSON, "duration": JSON,
        "fieldMask": JSON, "doubleValue": JSON, "bytesValue": JSON, "stringMap": JSON,
        "nested": JSON, "authorMap": JSON, "int64Wrapper": JSON, "enums": JSON,
    },
)  # fmt: skip
ECHOES = TYPES.map(lambda types: {"types": types})
BIG = st.sampled_from([b"1e400", b"-1e400", b'"1e400"', b"[[1e999]]"])
BODIES = (
    st.binary(max_size=60)
    | (JSON | TYPES | ECHOES).map(as_json)
    | BIG.map(lambda number: b'{"types":{"value":' + number + b"}}")
)
METHODS = st.sampled_from(
    ["GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "PURGE", "x"]
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(METHODS, TARGETS, SUFFIXES, QUERIES, HEADERS, BODIES)
async def test_whatever_comes_is_answered_and_nothing_breaks(
    caplog, method, target, suffix, query, headers, body
):
    caplog.clear()
    await check(library(), method, target + suffix, query, headers, body)
    assert not [r for r in caplog.records if r.name == "grpc_transcoding"], caplog.text
