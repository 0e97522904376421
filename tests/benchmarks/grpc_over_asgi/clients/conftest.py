"""The suite of real clients again: gRPC and REST go to one port, of an ASGI server."""

from types import SimpleNamespace

import pytest

from benchmarks.grpc_over_asgi.servers import one_port
from tests.benchmarks.grpc_over_asgi.conftest import SERVERS
from tests.clients.conftest import *  # noqa: F403 - the fixtures


@pytest.fixture(scope="session", params=SERVERS)
def server(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("server")
    environment = {
        "ONE_PORT_APP": "tests.clients.served_app:app",
        "ONE_PORT_STORE": f"sqlite:///{directory / 'operations.db'}",
    }
    app = "benchmarks.grpc_over_asgi.served_app:serve"
    with one_port(request.param, app, directory, environment) as server:
        yield SimpleNamespace(grpc=server.grpc, http=f"http://{server.http}")
