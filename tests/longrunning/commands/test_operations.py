"""The five commands against a real server: what they send, print and exit with."""

import contextlib
import json
import os
import pty
import subprocess

import pytest
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from google.rpc import code_pb2, status_pb2

from examples.scanner._gen import scanner_pb2
from tests.longrunning.commands.conftest import LRO
from tests.longrunning.commands.fake_operations import PARENT, operation, packed, refusal

# The UUIDv7 of RFC 9562, appendix A.6: 2022-02-22 19:22:22 UTC.
A = f"{PARENT}/operations/017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
B = f"{PARENT}/operations/backup"
C = f"{PARENT}/operations/copy"
MANIFEST = scanner_pb2.Manifest(
    bytes_total=3, files=[scanner_pb2.Manifest.File(path="a b", size=3, sha256="00")]
)


@pytest.fixture
def three(operations):
    operations.put(operation(A, percent=40))
    operations.put(operation(B, manifest=MANIFEST))
    operations.put(operation(C, error=refusal(code_pb2.INVALID_ARGUMENT, "No such directory.")))
    return operations


class TestList:
    def test_shows_one_operation_a_line_with_the_name_last(self, lro, three):
        assert lro("list", PARENT) == (
            0,
            (
                "STATE      PROGRESS  CREATED (UTC)        NAME\n"
                f"running        40 %  2022-02-22 19:22:22  {A}\n"
                f"done              -  -                    {B}\n"
                f"failed            -  -                    {C}\n"
            ),
            "",
        )

    def test_prints_one_json_object_a_line(self, lro, three):
        code, out, err = lro("list", PARENT, "--json")
        assert (code, err) == (0, "")
        running, done, failed = map(json.loads, out.splitlines())
        assert running == {
            "name": A,
            "metadata": {
                "@type": "type.googleapis.com/longrunning.examples.scan.v1.ScanMetadata",
                "filesTotal": "5",
                "progressPercent": 40,
            },
        }
        assert done["done"] is True
        assert done["response"]["files"] == [{"path": "a b", "size": "3", "sha256": "00"}]
        assert failed["error"] == {
            "code": 3,
            "message": "No such directory.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "BECAUSE",
                    "domain": "test",
                }
            ],
        }

    def test_follows_every_page_and_repeats_the_filter(self, lro, three):
        code, out, _ = lro("list", PARENT, "--filter", "done = true", "--page-size", 1, "--all")
        assert code == 0
        assert len(out.splitlines()) == 4
        assert three.requests == [
            operations_pb2.ListOperationsRequest(
                name=PARENT, filter="done = true", page_size=1, page_token=token
            )
            for token in ("", "1", "2")
        ]

    def test_limit_stops_without_asking_for_more(self, lro, three):
        code, out, err = lro("list", PARENT, "--limit", 2)
        assert (code, len(out.splitlines()), err) == (0, 3, "")
        assert [request.page_size for request in three.requests] == [2]

    def test_says_when_the_default_limit_cut_the_list(self, lro, operations):
        for number in range(101):
            operations.put(operation(f"operations/{number}"))
        code, out, err = lro("list", "--json")
        assert (code, len(out.splitlines())) == (0, 100)
        assert err == "lro: there are more than these 100; --all shows all of them\n"
        assert len(lro("list", "--json", "--all").out.splitlines()) == 101

    @pytest.mark.parametrize(
        ("arguments", "note"),
        [
            (["projects/x"], "lro: no operations in projects/x\n"),
            (["projects/x", "--filter", "done = true"], "lro: no such operations in projects/x\n"),
            (
                [],
                (
                    "lro: no operations without a parent; "
                    "those of a parent: lro list projects/-/locations/-\n"
                ),
            ),
            (["--json"], ""),
        ],
    )
    def test_an_empty_list_is_no_failure(self, lro, operations, arguments, note):
        assert lro("list", *arguments) == (0, "", note)


class TestGet:
    def test_shows_everything_in_lines(self, lro, operations):
        operations.put(operation(A, percent=100, manifest=MANIFEST))
        assert lro("get", A) == (
            0,
            (
                f"name      {A}\n"
                "state     done\n"
                "progress  100 %\n"
                "created   2022-02-22 19:22:22 UTC\n"
                "metadata  longrunning.examples.scan.v1.ScanMetadata\n"
                "    filesTotal       5\n"
                "    progressPercent  100\n"
                "response  longrunning.examples.scan.v1.Manifest\n"
                "    files\n"
                "      - path    a b\n"
                "        size    3\n"
                "        sha256  00\n"
                "    bytesTotal  3\n"
            ),
            "",
        )

    def test_a_failed_operation_is_shown_with_exit_code_0(self, lro, three):
        assert lro("get", C) == (
            0,
            (
                f"name      {C}\n"
                "state     failed\n"
                "error     INVALID_ARGUMENT: No such directory.\n"
                "  detail  google.rpc.ErrorInfo\n"
                "    reason  BECAUSE\n"
                "    domain  test\n"
            ),
            "",
        )

    def test_cuts_long_lists_for_people_only(self, lro, operations):
        files = [scanner_pb2.Manifest.File(path=f"f{number}") for number in range(12)]
        operations.put(operation(B, manifest=scanner_pb2.Manifest(files=files)))
        assert lro("get", B).out.splitlines()[-2:] == [
            "      - path  f9",
            "      and 2 more (--json shows all)",
        ]
        assert len(json.loads(lro("get", B, "--json").out)["response"]["files"]) == 12

    def test_text_of_the_server_cannot_steer_the_terminal(self, lro, operations):
        evil = "\x1b[2Jgone\nlro: fine"
        operations.put(operation(B, error=status_pb2.Status(code=13, message=evil)))
        assert lro("get", B).out == (
            f"name      {B}\nstate     failed\nerror     INTERNAL: \\x1b[2Jgone lro: fine\n"
        )
        assert "\x1b" not in lro("get", B, "--json").out

    def test_an_empty_response_is_shown(self, lro, operations):
        operations.put(
            operations_pb2.Operation(name=B, done=True, response=packed(empty_pb2.Empty()))
        )
        assert lro("get", B).out == (
            f"name      {B}\nstate     done\nresponse  google.protobuf.Empty\n"
        )
        assert json.loads(lro("get", B, "--json").out) == {
            "name": B,
            "done": True,
            "response": {"@type": "type.googleapis.com/google.protobuf.Empty"},
        }


class TestCancelAndDelete:
    @pytest.mark.parametrize(
        ("command", "kind", "line"),
        [
            (
                "cancel",
                operations_pb2.CancelOperationRequest,
                f"Asked {B} to stop; 'lro wait' shows how it ends.\n",
            ),
            ("delete", operations_pb2.DeleteOperationRequest, f"Deleted {B}.\n"),
        ],
    )
    def test_says_what_was_done(self, lro, three, command, kind, line):
        assert lro(command, B) == (0, line, "")
        three.put(operation(B))
        assert lro(command, B, "--json") == (0, "{}\n", "")
        assert three.requests == [kind(name=B)] * 2


@pytest.mark.parametrize("command", ["get", "wait", "cancel", "delete"])
def test_an_unknown_name_is_refused(lro, operations, command):
    assert lro(command, "operations/x") == (
        2,
        "",
        "lro: Operation 'operations/x' was not found. (NOT_FOUND)\n",
    )


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            refusal(code_pb2.PERMISSION_DENIED, "Not yours."),
            "lro: Not yours. (PERMISSION_DENIED)\n",
        ),
        (
            refusal(code_pb2.INVALID_ARGUMENT, "filter, column 4:\n unexpected ')'."),
            "lro: filter, column 4: unexpected ')'. (INVALID_ARGUMENT)\n",
        ),
        (
            refusal(code_pb2.UNAVAILABLE, "The service is stopping."),
            "lro: The service is stopping. (UNAVAILABLE)\n",
        ),
        (
            refusal(code_pb2.UNAUTHENTICATED, "A token is missing."),
            (
                "lro: A token is missing. (UNAUTHENTICATED); "
                "pass a token with --token-file or LRO_TOKEN_FILE\n"
            ),
        ),
        (
            status_pb2.Status(code=code_pb2.INTERNAL),
            "lro: the server gave no reason (INTERNAL)\n",
        ),
        (
            status_pb2.Status(code=code_pb2.UNKNOWN, message="\x1b[31mred"),
            "lro: \\x1b[31mred (UNKNOWN)\n",
        ),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_2(lro, operations, status, line):
    operations.refuse_with = status
    assert lro("list") == (2, "", line)


def test_a_method_that_the_service_leaves_out_is_named(lro, server, operations):
    operations.left_out.add("DeleteOperation")
    assert lro("delete", "operations/x") == (
        2,
        "",
        (
            f"lro: the server at {server.address} does not offer this: "
            "Method DeleteOperation is not offered. (UNIMPLEMENTED)\n"
        ),
    )


@pytest.mark.parametrize(
    ("no_color", "shown"), [(None, "\x1b[36mrunning\x1b[0m"), ("1", "running")]
)
def test_a_terminal_sees_states_in_colour_unless_it_objects(
    operations, monkeypatch, no_color, shown
):
    operations.put(operation(B))
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    ours, theirs = pty.openpty()
    subprocess.run([LRO, "get", B], stdout=theirs, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    text = ""
    with contextlib.suppress(OSError), os.fdopen(ours) as terminal:  # it ends in one
        for line in terminal:
            text += line
    assert text.splitlines() == [f"name      {B}", f"state     {shown}"]
