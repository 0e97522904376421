"""The OpenAPI document: valid for a validator, and true for schemathesis."""

import pytest
import schemathesis
from google.api import service_pb2
from google.longrunning import operations_pb2, operations_pb2_grpc
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import (
    CHECKS,
    load_all_checks,
)

from grpc_transcoding import Transcoder
from tests.grpc_transcoding._gen import library_pb2_grpc
from tests.grpc_transcoding.asgi_client import call
from tests.grpc_transcoding.fuzz.oracle import Obliging

LIBRARY = "grpc_transcoding.testing.v1.Library"


class Operations(operations_pb2_grpc.OperationsServicer):
    async def GetOperation(self, request, context):
        return operations_pb2.Operation(name=request.name)

    async def CancelOperation(self, request, context):
        from google.protobuf import empty_pb2

        return empty_pb2.Empty()

    async def ListOperations(self, request, context):
        return operations_pb2.ListOperationsResponse()

    async def DeleteOperation(self, request, context):
        from google.protobuf import empty_pb2

        return empty_pb2.Empty()


def transcoder() -> Transcoder:
    config = service_pb2.Service(name="library.example.com", title="A Library")
    rule = config.authentication.rules.add(selector=f"{LIBRARY}.*")
    rule.oauth.canonical_scopes = "https://example.com/read,https://example.com/all"
    config.authentication.rules.add(selector=f"{LIBRARY}.Echo", allow_without_credential=True)
    rule = config.http.rules.add(
        selector="google.longrunning.Operations.GetOperation",
        get="/v1/{name=projects/*/locations/*/operations/*}",
    )
    rule.additional_bindings.add(get="/v1/{name=projects/*/locations/*/operations/**}")
    made = Transcoder(service_configs=[config], openapi_path="/openapi.json")
    library_pb2_grpc.add_LibraryServicer_to_server(Obliging(), made)
    operations_pb2_grpc.add_OperationsServicer_to_server(Operations(), made)
    return made


APP = transcoder()
DOCUMENT = APP.openapi(version="1.2.3")


def test_the_document_is_valid():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_binding_is_documented():
    documented = {
        operation["x-grpc-method"]
        for item in DOCUMENT["paths"].values()
        for operation in item.values()
    }
    assert documented == {row.selector for row in APP.routes.rows}
    ids = [o["operationId"] for item in DOCUMENT["paths"].values() for o in item.values()]
    assert len(ids) == len(set(ids))


def test_a_path_has_one_parameter_for_each_wildcard():
    operation = DOCUMENT["paths"]["/v1/shelves/{shelvesId}/books/{booksId}/pages/{number}"]["get"]
    assert [(p["name"], p["in"]) for p in operation["parameters"]] == [
        ("shelvesId", "path"),
        ("booksId", "path"),
        ("number", "path"),
    ]
    assert operation["parameters"][2]["schema"]["type"] == "integer"


def test_many_segments_are_documented_as_holding_slashes():
    (parameter,) = DOCUMENT["paths"]["/v1/drafts/{draftsPath}"]["get"]["parameters"]
    assert parameter["x-holds-slashes"]
    assert parameter["description"] == "One or more segments: it may hold slashes, or be left out."


def test_one_segment_is_documented_where_many_would_be_the_same_path():
    item = DOCUMENT["paths"][
        "/v1/projects/{projectsId}/locations/{locationsId}/operations/{operationsId}"
    ]
    assert item["get"]["operationId"] == "Operations_GetOperation"


def test_scopes_become_security():
    schemes = DOCUMENT["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"]
    assert list(schemes["scopes"]) == ["https://example.com/all", "https://example.com/read"]
    get = DOCUMENT["paths"]["/v1/shelves/{shelvesId}/books/{booksId}"]["get"]
    assert get["security"] == [
        {"oauth2": ["https://example.com/read"]},
        {"oauth2": ["https://example.com/all"]},
    ]
    assert DOCUMENT["paths"]["/v1/echo"]["get"]["security"] == []
    assert "security" not in DOCUMENT["paths"]["/v1/operations"]["get"]


def test_a_credential_without_scopes_becomes_security_too():
    config = service_pb2.Service(name="library.example.com")
    config.authentication.rules.add(selector="*")
    made = Transcoder(service_configs=[config])
    library_pb2_grpc.add_LibraryServicer_to_server(Obliging(), made)
    document = made.openapi(version="1")
    OpenAPIV31SpecValidator(document).validate()
    assert document["paths"]["/v1/echo"]["get"]["security"] == [{"oauth2": []}]


async def test_the_document_says_what_the_options_make_of_replies():
    app = Transcoder(proto_names=True, enums_as_numbers=True)
    library_pb2_grpc.add_LibraryServicer_to_server(Obliging(), app)
    document = app.openapi()
    OpenAPIV31SpecValidator(document).validate()
    schemas = document["components"]["schemas"]
    book = schemas["grpc_transcoding.testing.v1.Book"]["properties"]
    assert book["print_time"] == {"type": "string", "format": "date-time"}
    assert schemas["grpc_transcoding.testing.v1.Binding"] == {"type": "integer", "enum": [0, 1, 2]}
    said = {"print_time": "2020-01-01T00:00:00Z", "binding": 1}
    answer = await call(app, "POST", "/v1/shelves/1/books", said)
    assert answer.json == said
    assert said.keys() <= book.keys()


def test_every_operation_has_the_error():
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            assert operation["responses"]["default"] == {"$ref": "#/components/responses/Error"}


def test_what_the_path_binds_is_in_neither_query_nor_body():
    move = DOCUMENT["paths"]["/v1/shelves/{shelvesId}/books/{booksId}:move"]["post"]
    schema = move["requestBody"]["content"]["application/json"]["schema"]
    assert list(schema["properties"]) == ["destination"]
    listing = DOCUMENT["paths"]["/v1/shelves/{shelvesId}/books"]["get"]
    assert [p["name"] for p in listing["parameters"]] == [
        "shelvesId", "pageSize", "pageToken", "bindings", "author.fullName", "author.year",
    ]  # fmt: skip


load_all_checks()
SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", APP)
CHECKED = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "negative_data_rejection",
]
# Which types an Any may name is beyond what a schema can say.
WITH_ANY = {"Library_CreateBook", "Library_UpdateBook"}
# A parameter that holds slashes is encoded by every client, so its paths are left out. So is Echo:
# that two members of a oneof exclude each other in a query is beyond a schema, too.
EXCLUDED = {
    path
    for path, item in DOCUMENT["paths"].items()
    for operation in item.values()
    if any(p.get("x-holds-slashes") for p in operation.get("parameters", ()))
}


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENT["paths"] if path not in EXCLUDED and "echo" not in path]
)
def test_schemathesis_finds_the_document_true(path):
    for http_method in DOCUMENT["paths"][path]:
        operation = SCHEMA[path][http_method.upper()]
        checks = [CHECKS.get_one(name) for name in CHECKED]
        if DOCUMENT["paths"][path][http_method]["operationId"] not in WITH_ANY:
            checks.append(CHECKS.get_one("positive_data_acceptance"))

        @settings(max_examples=15, database=None, suppress_health_check=list(HealthCheck))
        @__import__("hypothesis").given(case=operation.as_strategy())
        def holds(case):
            case.call_and_validate(checks=checks)  # noqa: B023 - it is called at once

        holds()
