"""The FastAPI example under uvicorn, as its users start it."""

import os
import re
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.protobuf.wrappers_pb2 import Int32Value, StringValue
from google.rpc import code_pb2

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from google.api_core import operations_v1

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0


class Service:
    def __init__(self, directory: Path) -> None:
        self._log = directory / "uvicorn.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "examples.fastapi.app:app", "--port", "0"],
                cwd=ROOT,
                env=os.environ | {"EXPORTS_DB": str(directory / "exports.db")},
                stderr=log,
                stdout=log,
            )
        until(lambda: "Uvicorn running on" in self.log() or self.process.poll() is not None)
        found = re.search(r"running on (http://\S+)", self.log())
        assert found, self.log()
        self.url = found[1]

    def log(self) -> str:
        return self._log.read_text()

    def export(self, table: str, request_id: str = "") -> requests.Response:
        headers = {"x-request-id": request_id} if request_id else {}
        url = f"{self.url}/exports"
        return requests.post(url, json={"table": table}, headers=headers, timeout=PATIENCE)

    def client(self) -> operations_v1.AbstractOperationsClient:
        transport = operations_v1.OperationsRestTransport(
            host=f"{self.url}/api",
            credentials=AnonymousCredentials(),
            url_scheme="http",
            path_prefix="v1",
        )
        return operations_v1.AbstractOperationsClient(transport=transport)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.process.send_signal(signal.SIGTERM)
    try:
        # uvicorn raises the signal again once it has stopped.
        assert service.process.wait(PATIENCE) in (0, -signal.SIGTERM), service.log()
    finally:
        service.process.kill()
    assert "Application shutdown complete" in service.log()
    assert "Error" not in service.log()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_route_starts_an_operation_that_rest_clients_follow(service: Service) -> None:
    reply = service.export("orders")
    assert reply.status_code == 202
    name = reply.json()
    assert reply.headers["Location"] == f"/api/v1/{name}"
    waited = requests.post(f"{service.url}/api/v1/{name}:wait", timeout=PATIENCE).json()
    assert waited == requests.get(service.url + reply.headers["Location"], timeout=PATIENCE).json()
    assert waited["response"]["value"] == "3 rows of orders"
    client = service.client()
    operation = client.get_operation(name)
    response, metadata = StringValue(), Int32Value()
    assert operation.response.Unpack(response)
    assert operation.metadata.Unpack(metadata)
    assert (response.value, metadata.value) == ("3 rows of orders", 3)
    assert [each.name for each in client.list_operations("tables/orders", "")] == [name]


def test_a_refusal_is_that_of_the_route(service: Service) -> None:
    name = service.export("slow", request_id="1").json()
    assert service.export("slow", request_id="1").json() == name
    refused = service.export("slow")
    assert refused.status_code == 409
    assert refused.json()["error"] == {
        "code": 409,
        "message": f"Operation '{name}' is under way for 'slow': try again once it is done.",
        "reason": "OPERATION_CONFLICT",
    }
    absent = requests.get(f"{service.url}/api/v1/tables/orders/operations/none", timeout=PATIENCE)
    assert absent.json()["error"]["status"] == "NOT_FOUND"
    client = service.client()
    client.cancel_operation(name)
    until(lambda: client.get_operation(name).done)
    assert client.get_operation(name).error.code == code_pb2.CANCELLED


def test_work_that_runs_at_the_end_finds_what_it_needs(service: Service) -> None:
    name = service.export("slow").json()
    client = service.client()
    until(lambda: client.get_operation(name).HasField("metadata"))
    service.process.send_signal(signal.SIGTERM)
    service.process.wait(PATIENCE)
    assert "the warehouse is closed" not in service.log()
