"""Types that `lro` has never seen: it runs in a process of its own and asks the server."""

import base64
import json

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, struct_pb2
from google.rpc import code_pb2

from tests.longrunning.commands.fake_operations import (
    FakeOperations,
    FakeServer,
    operation,
    packed,
    refusal,
)

NAME = "operations/x"
METADATA = "type.googleapis.com/longrunning.examples.scan.v1.ScanMetadata"


def test_types_are_learnt_from_the_servers_reflection(lro_process, operations):
    operations.put(operation(NAME, percent=40))
    assert lro_process("get", NAME) == (
        0,
        (
            f"name      {NAME}\n"
            "state     running\n"
            "progress  40 %\n"
            "metadata  longrunning.examples.scan.v1.ScanMetadata\n"
            "    filesTotal       5\n"
            "    progressPercent  40\n"
        ),
        "",
    )


def test_a_percentage_of_zero_is_one(lro_process, operations):
    operations.put(operation(NAME, percent=0))
    assert "progress  0 %\n" in lro_process("get", NAME).out


@pytest.fixture
def silent(monkeypatch):
    """A server without reflection."""
    server = FakeServer(FakeOperations(), reflect=False)
    monkeypatch.setenv("LRO_ADDRESS", server.address)
    yield server.servicer
    server.stop()


def test_without_reflection_bytes_are_shown_as_they_are(lro_process, silent):
    made = operation(NAME, percent=40)
    silent.put(made)
    value = base64.b64encode(made.metadata.value).decode()
    code, out, err = lro_process("get", NAME, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"name": NAME, "metadata": {"@type": METADATA, "value": value}}
    assert lro_process("get", NAME).out == (
        f"name      {NAME}\n"
        "state     running\n"
        "metadata  longrunning.examples.scan.v1.ScanMetadata\n"
        f"    value  {value}\n"
    )


def test_details_of_errors_need_no_reflection(lro_process, silent):
    silent.put(operation(NAME, error=refusal(code_pb2.ABORTED, "In the way.")))
    detail = json.loads(lro_process("get", NAME, "--json").out)["error"]["details"][0]
    assert detail["reason"] == "BECAUSE"


@pytest.mark.parametrize(
    ("url", "value", "shown"),
    [
        ("type.googleapis.com/acme.Unknown", b"\x01\x02", "AQI="),
        ("type.googleapis.com/google.rpc.ErrorInfo", b"\xff", "/w=="),
        ("", b"", ""),
        ("no slash", b"\x00", "AA=="),
    ],
    ids=["unknown type", "bytes of another type", "empty", "malformed"],
)
def test_what_cannot_be_read_is_kept(lro, operations, url, value, shown):
    packed_metadata = any_pb2.Any(type_url=url, value=value)
    operations.put(operations_pb2.Operation(name=NAME, metadata=packed_metadata))
    code, out, err = lro("list", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["metadata"] == {"@type": url, "value": shown}
    assert lro("list").code == 0


def test_an_any_of_an_unknown_type_within_a_known_one_is_kept(lro, operations):
    inner = any_pb2.Any(type_url="type.googleapis.com/acme.Unknown", value=b"\x01")
    made = operations_pb2.Operation(name=NAME, metadata=packed(inner))
    operations.put(made)
    assert json.loads(lro("list", "--json").out)["metadata"] == {
        "@type": "type.googleapis.com/google.protobuf.Any",
        "value": base64.b64encode(made.metadata.value).decode(),
    }


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        ({"progressPercent": 12.6}, "13 %"),
        ({"progress_percentage": 150}, "100 %"),
        ({"percentComplete": -1}, "0 %"),
        ({"progressPercent": "12"}, "-"),
        ({"progressPercent": float("nan")}, "-"),
        ({"other": 12}, "-"),
    ],
)
def test_a_percentage_is_found_under_its_usual_names(lro, operations, fields, percent):
    metadata = struct_pb2.Struct()
    metadata.update(fields)
    operations.put(operations_pb2.Operation(name=NAME, metadata=packed(metadata)))
    assert lro("list").out.splitlines()[1][9:19].strip() == percent
