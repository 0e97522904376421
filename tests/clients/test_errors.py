"""The same request fails in the same way over gRPC and over REST: status, message and details."""

from collections.abc import Callable
from typing import NamedTuple

import grpc
import pytest
import requests
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf import duration_pb2, json_format
from google.rpc import error_details_pb2  # noqa: F401 - so that details can be shown as JSON
from grpc_status import rpc_status

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import ScanRequest
from examples.scanner.server_process import ServerProcess
from tests.clients.conftest import Work

LOCATION = "projects/errors/locations/here"
UNKNOWN = f"{LOCATION}/operations/unknown"
MALFORMED = "operations/one/two"
NOT_AN_OPERATION = "'operations/one/two' is not the name of an operation: "
NOT_AN_OPERATION += "expected 'operations/{id}' or '{parent}/operations/{id}'."

DOMAIN = "clients.example"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
RESOURCE_INFO = "type.googleapis.com/google.rpc.ResourceInfo"


class Refusal(NamedTuple):
    """What a client is told, whichever way it asked."""

    status: str
    message: str
    details: list[dict[str, object]]


class Case(NamedTuple):
    rpc: str
    request: object
    http: tuple[str, str]
    body: object
    code: int
    refusal: Refusal


def not_found(name: str) -> Refusal:
    message = f"Operation '{name}' was not found."
    return Refusal(
        "NOT_FOUND",
        message,
        [
            {
                "@type": ERROR_INFO,
                "reason": "OPERATION_NOT_FOUND",
                "domain": DOMAIN,
                "metadata": {"name": name},
            },
            {
                "@type": RESOURCE_INFO,
                "resourceType": "google.longrunning.Operation",
                "resourceName": name,
            },
        ],
    )


def invalid(field: str, reason: str, message: str, **metadata: str) -> Refusal:
    return Refusal(
        "INVALID_ARGUMENT",
        message,
        [
            {
                "@type": ERROR_INFO,
                "reason": reason,
                "domain": DOMAIN,
                "metadata": {"field": field, **metadata},
            },
            {
                "@type": BAD_REQUEST,
                "fieldViolations": [{"field": field, "description": message}],
            },
        ],
    )


def malformed(name: str, message: str) -> Refusal:
    return invalid("name", "INVALID_NAME", message, value=name)


def listing(query: str = "", *, parent: str = LOCATION, **fields: object) -> tuple[object, ...]:
    request = operations_pb2.ListOperationsRequest(name=parent, **fields)
    path = f"/v1/{parent}" if parent == "operations" else f"/v1/{parent}/operations"
    return "ListOperations", request, ("GET", f"{path}?{query}"), None


def waiting(name: str, seconds: int = 1) -> operations_pb2.WaitOperationRequest:
    timeout = duration_pb2.Duration(seconds=seconds)
    return operations_pb2.WaitOperationRequest(name=name, timeout=timeout)


CASES = {
    "get an unknown name": Case(
        "GetOperation",
        operations_pb2.GetOperationRequest(name=UNKNOWN),
        ("GET", f"/v1/{UNKNOWN}"),
        None,
        404,
        not_found(UNKNOWN),
    ),
    "get an unknown name without a parent": Case(
        "GetOperation",
        operations_pb2.GetOperationRequest(name="operations/unknown"),
        ("GET", "/v1/operations/unknown"),
        None,
        404,
        not_found("operations/unknown"),
    ),
    "delete an unknown name": Case(
        "DeleteOperation",
        operations_pb2.DeleteOperationRequest(name=UNKNOWN),
        ("DELETE", f"/v1/{UNKNOWN}"),
        None,
        404,
        not_found(UNKNOWN),
    ),
    "cancel an unknown name": Case(
        "CancelOperation",
        operations_pb2.CancelOperationRequest(name=UNKNOWN),
        ("POST", f"/v1/{UNKNOWN}:cancel"),
        {},
        404,
        not_found(UNKNOWN),
    ),
    "wait for an unknown name": Case(
        "WaitOperation",
        waiting(UNKNOWN),
        ("POST", f"/v1/{UNKNOWN}:wait"),
        {"timeout": "1s"},
        404,
        not_found(UNKNOWN),
    ),
    "get a malformed name": Case(
        "GetOperation",
        operations_pb2.GetOperationRequest(name=MALFORMED),
        ("GET", f"/v1/{MALFORMED}"),
        None,
        400,
        malformed(MALFORMED, NOT_AN_OPERATION),
    ),
    "delete a malformed name": Case(
        "DeleteOperation",
        operations_pb2.DeleteOperationRequest(name=MALFORMED),
        ("DELETE", f"/v1/{MALFORMED}"),
        None,
        400,
        malformed(MALFORMED, NOT_AN_OPERATION),
    ),
    "cancel a malformed name": Case(
        "CancelOperation",
        operations_pb2.CancelOperationRequest(name=MALFORMED),
        ("POST", f"/v1/{MALFORMED}:cancel"),
        {},
        400,
        malformed(MALFORMED, NOT_AN_OPERATION),
    ),
    "wait for a malformed name": Case(
        "WaitOperation",
        waiting(MALFORMED),
        ("POST", f"/v1/{MALFORMED}:wait"),
        {"timeout": "1s"},
        400,
        malformed(MALFORMED, NOT_AN_OPERATION),
    ),
    "a name with a space": Case(
        "GetOperation",
        operations_pb2.GetOperationRequest(name="operations/a b"),
        ("GET", "/v1/operations/a%20b"),
        None,
        400,
        malformed("operations/a b", NOT_AN_OPERATION.replace("one/two", "a b")),
    ),
    "a negative timeout": Case(
        "WaitOperation",
        waiting(UNKNOWN, seconds=-5),
        ("POST", f"/v1/{UNKNOWN}:wait"),
        {"timeout": "-5s"},
        400,
        invalid(
            "timeout",
            "NEGATIVE_TIMEOUT",
            "The timeout is -5 seconds: expected 0 or more.",
            value="-5",
        ),
    ),
    "a negative page size": Case(
        *listing("pageSize=-1", page_size=-1),
        400,
        invalid(
            "page_size",
            "NEGATIVE_PAGE_SIZE",
            "The page size is -1: expected 0 (the default) or more.",
            value="-1",
        ),
    ),
    "a page token that is none": Case(
        *listing("page_token=%21%21", page_token="!!"),
        400,
        invalid(
            "page_token",
            "INVALID_PAGE_TOKEN",
            "The page token is invalid: it is not a token of this service.",
        ),
    ),
    "a filter with a syntax error": Case(
        *listing("filter=done%20%3D", filter="done ="),
        400,
        invalid(
            "filter",
            "INVALID_FILTER",
            "The filter is wrong at column 7: a value was expected behind =.",
            column="7",
        ),
    ),
    "a filter on a field that no operation has": Case(
        *listing("filter=colour%3Dred", filter="colour=red", parent="operations"),
        400,
        invalid(
            "filter",
            "INVALID_FILTER",
            "The filter is wrong at column 1: an operation has no field 'colour'; "
            "it has name, metadata, done, error, response.",
            column="1",
        ),
    ),
}

PARTIAL_SUCCESS = "return_partial_success"
if PARTIAL_SUCCESS in operations_pb2.ListOperationsRequest.DESCRIPTOR.fields_by_name:
    # The field is younger than the oldest googleapis-common-protos that we allow.
    CASES["a partial success of one parent"] = Case(
        *listing("returnPartialSuccess=true", return_partial_success=True),
        400,
        invalid(
            PARTIAL_SUCCESS,
            "PARTIAL_SUCCESS_OF_ONE_PARENT",
            "return_partial_success needs a parent with the wildcard '-'.",
        ),
    )


def over_grpc(call: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as raised:
        call()
    error = raised.value
    status = rpc_status.from_call(error)
    assert status is not None, error
    assert (status.code, status.message) == (error.code().value[0], error.details())
    details = [dict(json_format.MessageToDict(detail)) for detail in status.details]
    return Refusal(error.code().name, error.details(), details)


def over_http(reply: requests.Response) -> Refusal:
    assert reply.headers["content-type"] == "application/json"
    (error,) = reply.json().values()
    assert error.pop("code") == reply.status_code
    return Refusal(**error)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fails_in_the_same_way(
    server: ServerProcess, stub: operations_pb2_grpc.OperationsStub, case: Case
):
    assert over_grpc(lambda: getattr(stub, case.rpc)(case.request, timeout=30)) == case.refusal
    method, path = case.http
    reply = requests.request(method, f"{server.http}{path}", json=case.body, timeout=30)
    assert over_http(reply) == case.refusal
    assert reply.status_code == case.code


def page_tokens(
    server: ServerProcess, stub: operations_pb2_grpc.OperationsStub, work: Work, parent: str
) -> list[str]:
    """Returns a good token of each protocol."""
    for _ in range(2):
        work.finish("quick", parent)
    request = operations_pb2.ListOperationsRequest(name=parent, page_size=1)
    url = f"{server.http}/v1/{parent}/operations?pageSize=1"
    return [
        stub.ListOperations(request, timeout=30).next_page_token,
        requests.get(url, timeout=30).json()["nextPageToken"],
    ]


@pytest.mark.parametrize("change", ["parent", "filter"])
def test_a_page_token_is_good_for_its_own_list_only(
    server: ServerProcess,
    stub: operations_pb2_grpc.OperationsStub,
    work: Work,
    parent: str,
    change: str,
):
    other = f"{parent}s" if change == "parent" else parent
    text = "done=true" if change == "filter" else ""
    for token in page_tokens(server, stub, work, parent):
        assert token
        request = operations_pb2.ListOperationsRequest(name=other, filter=text, page_token=token)
        refusal = over_grpc(lambda request=request: stub.ListOperations(request, timeout=30))
        assert refusal == invalid(
            "page_token",
            "INVALID_PAGE_TOKEN",
            "The page token is invalid: it belongs to another list; "
            "all but page_size must be as for the page before.",
        )
        url = f"{server.http}/v1/{other}/operations"
        query = {"filter": text, "pageToken": token}
        assert over_http(requests.get(url, params=query, timeout=30)) == refusal


def test_a_page_token_of_one_protocol_is_good_for_the_other(
    server: ServerProcess, stub: operations_pb2_grpc.OperationsStub, work: Work, parent: str
):
    by_grpc, by_http = page_tokens(server, stub, work, parent)
    request = operations_pb2.ListOperationsRequest(name=parent, page_token=by_http)
    (operation,) = stub.ListOperations(request, timeout=30).operations
    url = f"{server.http}/v1/{parent}/operations"
    page = requests.get(url, params={"pageToken": by_grpc}, timeout=30).json()
    assert [found["name"] for found in page["operations"]] == [operation.name]


def test_work_that_cannot_be_cancelled_says_so(
    server: ServerProcess, stub: operations_pb2_grpc.OperationsStub, work: Work, parent: str
):
    name = work.start("unstoppable", parent).name
    request = operations_pb2.CancelOperationRequest(name=name)
    refusal = over_grpc(lambda: stub.CancelOperation(request, timeout=30))
    info = {"@type": ERROR_INFO, "reason": "NOT_CANCELLABLE", "domain": DOMAIN}
    assert refusal == Refusal(
        "UNIMPLEMENTED",
        f"Operation '{name}' cannot be cancelled: its method does not offer it.",
        [{**info, "metadata": {"name": name}}],
    )
    reply = requests.post(f"{server.http}/v1/{name}:cancel", json={}, timeout=30)
    assert over_http(reply) == refusal
    assert reply.status_code == 501


def test_a_request_id_stands_for_one_request(
    server: ServerProcess, channel: grpc.Channel, work: Work, parent: str
):
    url = f"{server.http}/v1/{parent}/scans"
    name = work.start("quick", parent, "again").name
    assert work.start("quick", parent, "again").name == name
    body = {"directory": "quick", "requestId": "again"}
    assert requests.post(url, json=body, timeout=30).json()["name"] == name

    request = ScanRequest(directory="failing", parent=parent, request_id="again")
    scanner = scanner_pb2_grpc.ScannerStub(channel)
    refusal = over_grpc(lambda: scanner.Scan(request, timeout=30))
    info = {"@type": ERROR_INFO, "reason": "REQUEST_ID_REUSED", "domain": DOMAIN}
    assert refusal == Refusal(
        "ALREADY_EXISTS",
        "The request id 'again' was used before, with a different request.",
        [{**info, "metadata": {"request_id": "again"}}],
    )
    reply = requests.post(url, json={**body, "directory": "failing"}, timeout=30)
    assert over_http(reply) == refusal
    assert reply.status_code == 409
