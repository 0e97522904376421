"""`lro routes`: the table, and which binding answers a request."""

import re
import sys

import pytest

SHIPPED = ("routes", "--service-config", "operations_v1")
SCANNER = ("routes", "--service-config", "protos/service_configs/scanner_v1.yaml")
GET = "google.longrunning.Operations.GetOperation"
CANCEL = "google.longrunning.Operations.CancelOperation"


@pytest.fixture
def faulty(tmp_path):
    file = tmp_path / "faulty_v1.yaml"
    file.write_text(
        "type: google.api.Service\nname: faulty.example.com\nhttp:\n  rules:\n"
        f"  - selector: {GET}\n    get: '/v1/{{name=operations/*'\n"
        f"  - selector: {CANCEL}\n    post: '/v1/{{name=operations/*}}:cancel'\n"
    )
    return file


def test_the_table_shows_every_binding(lro):
    code, out, err = lro(*SHIPPED)
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert len(lines) == 10
    assert ["GET", "/v1/{name=operations/**}", GET] in lines
    assert ["POST", "/v1/{name=operations/**}:cancel", CANCEL, "body:", "*"] in lines


def test_services_come_with_their_modules(lro):
    scan = "longrunning.examples.scan.v1.Scanner.Scan"
    module = ("--module", "examples.scanner._gen.scanner_pb2")
    code, out, err = lro(*SCANNER, *module)
    assert (code, err) == (0, "")
    line = ["POST", "/v1/{parent=projects/*/locations/*}/scans", scan, "body:", "*"]
    assert line in [line.split() for line in out.splitlines()]


def test_a_request_is_explained_with_the_losers(lro):
    code, out, err = lro(*SHIPPED, "get", "/v1/operations/a:b")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"calls {GET} by GET /v1/{{name=operations/**}} (operations_v1.yaml): "
        "it is the most specific of 2 bindings that answer GET",
        "      name = 'operations/a:b'",
        "not   google.longrunning.Operations.DeleteOperation by DELETE /v1/{name=operations/**} "
        "(operations_v1.yaml): answers DELETE only",
        f"not   {GET} by GET /v1/{{name=**/operations/*}} (operations_v1.yaml): "
        "at segment 2, the literal 'operations' beats '**'",
        "not   google.longrunning.Operations.DeleteOperation by DELETE "
        "/v1/{name=**/operations/*} (operations_v1.yaml): answers DELETE only",
    ]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (("GET", "/v2"), "no template matches /v2: 404"),
        (
            ("PUT", "/v1/operations/7"),
            "the path does not answer PUT, but DELETE, GET, HEAD, OPTIONS: 405",
        ),
    ],
)
def test_a_request_that_nothing_answers_is_exit_code_1(lro, request_, line):
    code, _, err = lro(*SHIPPED, *request_)
    assert (code, err) == (1, f"lro: {line}\n")


def test_faults_are_named_and_the_rest_is_shown(lro, faulty):
    code, out, err = lro("routes", "--service-config", faulty)
    assert code == 0
    assert CANCEL in out
    assert err.count("\n") == 1
    assert "faulty_v1.yaml" in err
    assert GET in err


def test_faults_are_named_once_in_a_process_of_its_own(lro_process, faulty):
    code, _, err = lro_process("routes", "--service-config", faulty)
    assert code == 0
    assert re.fullmatch(rf"lro: faulty_v1\.yaml: {GET}, column 23: .*\n", err)


def test_a_file_that_is_no_service_file_is_named_without_advice_for_programmers(lro, tmp_path):
    (tmp_path / "no_v1.yaml").write_text("a: [\n")
    code, out, err = lro("routes", "--service-config", tmp_path / "no_v1.yaml")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"lro: no_v1\.yaml: the file is not YAML, .*\n", err)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("raise SystemExit('bye')\n", "SystemExit: bye (quits_pb2.py, line 1)"),
        ("class E(BaseException): pass\nraise E\n", "E (quits_pb2.py, line 2)"),
    ],
)
def test_a_module_that_raises_is_one_line(lro, tmp_path, monkeypatch, content, line):
    (tmp_path / "quits_pb2.py").write_text(content)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    assert lro(*SHIPPED, "--module", "quits_pb2") == (
        2,
        "",
        f"lro: importing quits_pb2 failed: {line}\n",
    )


def test_strict_refuses_a_file_with_a_fault(lro, faulty):
    code, _, err = lro("routes", "--service-config", faulty, "--strict")
    assert code == 2
    assert err.splitlines()[-1] == "lro: the files have faults: see above"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((*SHIPPED, "GET"), "a request is a METHOD and a PATH, such as GET /v1/operations/7"),
        (
            (*SHIPPED, "--module", "no_such_pb2"),
            "--module no_such_pb2 cannot be imported: No module named 'no_such_pb2'",
        ),
        (("routes",), "Missing option '--service-config'; see 'lro routes --help'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(lro, arguments, line):
    assert lro(*arguments) == (2, "", f"lro: {line}\n")


def test_a_file_that_is_not_there_is_named(lro):
    code, _, err = lro("routes", "--service-config", "no_such_v1")
    assert code == 2
    assert "no_such_v1.yaml" in err
