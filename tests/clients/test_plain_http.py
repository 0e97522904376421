"""What people and other languages send: requests, httpx, and the oddities of real clients."""

import time
from typing import NamedTuple

import httpx
import pytest
import requests

from examples.scanner.server_process import ServerProcess
from tests.clients.conftest import Work
from tests.clients.test_errors import DOMAIN, ERROR_INFO, over_http

JSON = {"Content-Type": "application/json"}


def info(reason: str, **metadata: str) -> dict[str, object]:
    told = {"@type": ERROR_INFO, "reason": reason, "domain": DOMAIN}
    return {**told, "metadata": metadata} if metadata else told


def test_goes_from_start_to_result(server: ServerProcess, parent: str):
    with httpx.Client(base_url=server.http, timeout=30) as client:
        name = client.post(f"/v1/{parent}/scans", json={"directory": "quick"}).json()["name"]
        reply = client.post(f"/v1/{name}:wait", json={"timeout": "20s"})
        assert reply.json() == {
            "name": name,
            "metadata": {
                "@type": "type.googleapis.com/longrunning.examples.scan.v1.ScanMetadata",
                "filesTotal": "3",
                "filesDone": "3",
                "progressPercent": 100,
            },
            "done": True,
            "response": {
                "@type": "type.googleapis.com/longrunning.examples.scan.v1.Manifest",
                "bytesTotal": "42",
            },
        }
        assert client.get(f"/v1/{name}").json() == reply.json()
        assert client.get(f"/v1/{parent}/operations").json() == {"operations": [reply.json()]}
        assert client.delete(f"/v1/{name}").json() == {}
        assert client.get(f"/v1/{parent}/operations").json() == {}


def test_an_error_inside_an_operation_keeps_its_canonical_code(
    server: ServerProcess, work: Work, parent: str
):
    reply = requests.get(f"{server.http}/v1/{work.finish('failing', parent).name}", timeout=30)
    assert reply.status_code == 200
    assert reply.json()["error"] == {
        "code": 9,
        "message": "The disk is full.",
        "details": [info("DISK_FULL", disk="/dev/example")],
    }


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b""),
        (JSON, b"{}"),
        ({}, b""),
        ({"Content-Type": "application/json; charset=utf-8"}, b' {"name": "%s"} '),
    ],
    ids=["JSON's type and no body", "an empty object", "nothing at all", "the name again"],
)
def test_cancels_whatever_real_clients_send(
    server: ServerProcess, work: Work, parent: str, headers: dict[str, str], body: bytes
):
    name = work.run("slow", parent).name
    body = body.replace(b"%s", name.encode())
    url = f"{server.http}/v1/{name}:cancel"
    reply = requests.post(url, data=body, headers=headers, timeout=30)
    assert (reply.status_code, reply.json()) == (200, {})
    assert work.wait(name).error.code == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"name": "operations/another"}', "PATH_FIELD_CONFLICT"),
        (b'{"force": true}', "UNKNOWN_FIELD"),
        (b"[]", "INVALID_FIELD_VALUE"),
    ],
)
def test_cancels_nothing_when_the_body_says_something_else(
    server: ServerProcess, work: Work, parent: str, body: bytes, reason: str
):
    name = work.run("slow", parent).name
    reply = requests.post(f"{server.http}/v1/{name}:cancel", data=body, headers=JSON, timeout=30)
    refusal = over_http(reply)
    assert (reply.status_code, refusal.status) == (400, "INVALID_ARGUMENT")
    assert refusal.details[0]["reason"] == reason
    assert requests.get(f"{server.http}/v1/{name}", timeout=30).json().get("done", False) is False


def test_get_and_delete_may_carry_the_type_of_json(server: ServerProcess, work: Work, parent: str):
    url = f"{server.http}/v1/{work.finish('quick', parent).name}"
    assert requests.get(url, headers=JSON, timeout=30).json()["done"] is True
    assert requests.delete(url, headers=JSON, timeout=30).json() == {}


def test_a_wait_that_runs_out_answers_with_the_latest_state(
    server: ServerProcess, work: Work, parent: str
):
    name, started = work.run("slow", parent).name, time.monotonic()
    reply = requests.post(f"{server.http}/v1/{name}:wait", json={"timeout": "0.2s"}, timeout=30)
    assert time.monotonic() - started >= 0.2
    assert reply.status_code == 200
    assert reply.json()["name"] == name
    assert "done" not in reply.json()


def test_a_wait_is_answered_by_the_change_itself(server: ServerProcess, work: Work, parent: str):
    name = work.run("slow", parent).name
    with httpx.Client(base_url=server.http, timeout=30) as client:
        client.post(f"/v1/{name}:cancel", json={})
        reply = client.post(f"/v1/{name}:wait", json={"timeout": "20s"})
    assert reply.json()["error"] == {"code": 1, "message": "The operation was cancelled."}


SCANS = "/v1/projects/p/locations/l/scans"


class Case(NamedTuple):
    line: str
    body: bytes
    code: int
    status: str
    message: str
    detail: dict[str, object]


CASES = {
    "broken JSON": Case(
        f"POST {SCANS}",
        b'{"directory":\n  quick}',
        400,
        "INVALID_ARGUMENT",
        "the body is not JSON: syntax error at line 2, column 3",
        info("INVALID_JSON", line="2", column="3"),
    ),
    "JSON that is no object": Case(
        f"POST {SCANS}",
        b"[]",
        400,
        "INVALID_ARGUMENT",
        "the body should be a JSON object (longrunning.examples.scan.v1.ScanRequest)",
        info("INVALID_FIELD_VALUE"),
    ),
    "an unknown field": Case(
        f"POST {SCANS}",
        b'{"folder": "quick"}',
        400,
        "INVALID_ARGUMENT",
        "unknown field 'folder' in longrunning.examples.scan.v1.ScanRequest",
        info("UNKNOWN_FIELD", field="folder"),
    ),
    "a parameter beside a body": Case(
        f"POST {SCANS}?directory=quick",
        b"{}",
        400,
        "INVALID_ARGUMENT",
        "query parameter 'directory' is not taken: "
        "all that the path leaves is in the body of this method",
        info("UNEXPECTED_QUERY_PARAMETER", parameter="directory", field="directory"),
    ),
    "an unknown parameter": Case(
        "GET /v1/operations?pagesize=1",
        b"",
        400,
        "INVALID_ARGUMENT",
        "unknown query parameter 'pagesize': "
        "google.longrunning.ListOperationsRequest has no field 'pagesize'",
        info("UNKNOWN_QUERY_PARAMETER", parameter="pagesize", field="pagesize"),
    ),
    "a parameter of the wrong type": Case(
        "GET /v1/operations?pageSize=many",
        b"",
        400,
        "INVALID_ARGUMENT",
        "query parameter 'pageSize' is 'many', "
        "it should be an integer from -2147483648 to 2147483647",
        info("INVALID_FIELD_VALUE", value="many", field="page_size"),
    ),
    "an unknown path": Case(
        "GET /v1/nowhere",
        b"",
        404,
        "NOT_FOUND",
        "no method is bound to the path /v1/nowhere",
        info("PATH_NOT_BOUND", path="/v1/nowhere"),
    ),
    "the root": Case(
        "GET /",
        b"",
        404,
        "NOT_FOUND",
        "no method is bound to the path /",
        info("PATH_NOT_BOUND", path="/"),
    ),
    "the wrong method": Case(
        "PUT /v1/operations/one",
        b"",
        405,
        "UNIMPLEMENTED",
        "the path /v1/operations/one does not answer PUT, but DELETE, GET, HEAD, OPTIONS",
        info("METHOD_NOT_ALLOWED", allow="DELETE, GET, HEAD, OPTIONS"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_refuses_what_no_method_takes(server: ServerProcess, case: Case):
    method, path = case.line.split()
    headers = JSON if case.body else {}
    url = f"{server.http}{path}"
    reply = requests.request(method, url, data=case.body, headers=headers, timeout=30)
    refusal = over_http(reply)
    assert refusal.message == case.message
    assert (reply.status_code, refusal.status) == (case.code, case.status)
    assert refusal.details[0] == case.detail


def test_the_type_of_a_form_is_not_json(server: ServerProcess):
    reply = requests.post(f"{server.http}{SCANS}", data={"directory": "quick"}, timeout=30)
    refusal = over_http(reply)
    assert (reply.status_code, refusal.message) == (
        415,
        "the body is 'application/x-www-form-urlencoded', it should be application/json",
    )
    assert refusal.details == [
        info("UNSUPPORTED_MEDIA_TYPE", value="application/x-www-form-urlencoded")
    ]
