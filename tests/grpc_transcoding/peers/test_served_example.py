"""The example as it is served, asked for whatever its OpenAPI document allows."""

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import CHECKS, load_all_checks

from examples.scanner.app import app
from examples.scanner.server_process import ServerProcess

load_all_checks()
CHECKED = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "unsupported_method",
    )
]
DOCUMENT = app.transcoder().openapi()
# A parameter that may hold slashes is encoded by every client, so such paths are left out.
OPERATIONS = [
    (path, http_method)
    for path, item in DOCUMENT["paths"].items()
    for http_method, operation in item.items()
    if not any(p.get("x-holds-slashes") for p in operation.get("parameters", ()))
]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("example")
    root = directory / "root"
    root.mkdir()
    (root / "file").write_text("contents")
    with ServerProcess(
        "examples.scanner.app:app",
        store=f"sqlite:///{directory / 'operations.db'}",
        log=directory / "server.log",
        environment={"SCANNER_ROOT": str(root)},
    ) as server:
        server.start()
        yield server
        log = server.log()
        assert server.stop() == 0, log


def test_its_document_is_valid():
    OpenAPIV31SpecValidator(DOCUMENT).validate()


@pytest.mark.parametrize(("path", "http_method"), OPERATIONS)
def test_schemathesis_finds_its_document_true(served, path, http_method):
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.config.update(base_url=served.http)
    operation = schema[path][http_method.upper()]

    @settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck))
    @hypothesis.given(case=operation.as_strategy())
    def holds(case):
        case.call_and_validate(checks=CHECKED)

    holds()
