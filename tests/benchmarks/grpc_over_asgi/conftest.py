"""Servers of one port: uvicorn, or those that ONE_PORT_SERVERS names, with commas between them."""

import os

import grpc
import pytest

from benchmarks.grpc_over_asgi.servers import one_port

SERVERS = os.environ.get("ONE_PORT_SERVERS", "uvicorn").split(",")
LIBRARY = "tests.benchmarks.grpc_over_asgi.library_app:serve"


@pytest.fixture(scope="session", params=SERVERS)
def library(request, tmp_path_factory):
    """The address of a server with the library."""
    with one_port(request.param, LIBRARY, tmp_path_factory.mktemp("library")) as server:
        yield server.grpc


@pytest.fixture(scope="session")
def library_channel(library):
    with grpc.insecure_channel(library) as channel:
        yield channel


@pytest.fixture
async def library_aio_channel(library):
    async with grpc.aio.insecure_channel(library) as channel:
        yield channel
