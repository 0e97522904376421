"""Real clients with tokens, and `lro` itself, against a served process that asks for them."""

import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from google.api_core import exceptions
from google.auth.exceptions import RefreshError
from google.longrunning import operations_pb2
from google.oauth2.credentials import Credentials
from grpc_health.v1 import health_pb2, health_pb2_grpc
from jwt.algorithms import RSAAlgorithm

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from examples.scanner.server_process import CHECKOUT, ServerProcess
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # as in conftest.py
    from google.api_core import operation, operations_v1

LRO = Path(sys.executable).with_name("lro")
PARENT = "projects/p/locations/here"
SCOPE = "https://scanner.example/auth/scans"

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(subject: str, **changes: object) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "scope": SCOPE,
        "exp": int(time.time()) + 600,
    }
    return jwt.encode(claims | changes, KEY, algorithm="RS256", headers={"kid": "k"})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    directory = tmp_path_factory.mktemp("guarded")
    jwk = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "k"}
    (directory / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
    with ServerProcess(
        "tests.clients.guarded_app:app",
        store="memory:",
        log=directory / "server.log",
        environment={"JWKS": str(directory / "jwks.json")},
        options=("--drain", "0.2"),
    ) as server:
        server.start()
        yield server
        assert server.stop() == 0, server.log()


class WithToken(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # untyped base
    """Sends a token over a channel without TLS, where gRPC's own credentials refuse to."""

    def __init__(self, token: str) -> None:
        self._metadata = ("authorization", f"Bearer {token}")

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], details: Any, request: object
    ) -> Any:
        return continuation(
            details._replace(metadata=[*(details.metadata or ()), self._metadata]), request
        )


Clients = Callable[[str], operations_v1.AbstractOperationsClient]


@pytest.fixture(params=["gRPC", "REST"])
def client_of(request: pytest.FixtureRequest, server: ServerProcess) -> Iterator[Clients]:
    """Makes google.api_core's client of a protocol, with a token."""
    channels = []

    def make(token: str) -> Any:
        if request.param == "REST":
            transport = operations_v1.OperationsRestTransport(
                host=server.http,
                credentials=Credentials(token),
                url_scheme="http",
                path_prefix="v1",
            )
            return operations_v1.AbstractOperationsClient(transport=transport)
        channels.append(grpc.insecure_channel(server.grpc))
        return operations_v1.OperationsClient(
            grpc.intercept_channel(channels[-1], WithToken(token))
        )

    yield make
    for channel in channels:
        channel.close()


def scanner(server: ServerProcess, token: str) -> scanner_pb2_grpc.ScannerStub:
    channel = grpc.insecure_channel(server.grpc)
    return scanner_pb2_grpc.ScannerStub(grpc.intercept_channel(channel, WithToken(token)))


def start(server: ServerProcess, subject: str, directory: str = "") -> operations_pb2.Operation:
    request = ScanRequest(parent=PARENT, directory=directory)
    return scanner(server, token(subject)).Scan(request, timeout=20)


def test_a_client_with_a_token_starts_follows_and_cancels(
    server: ServerProcess, client_of: Clients
) -> None:
    client = client_of(token("alice"))
    future = operation.from_gapic(
        start(server, "alice"), client, Manifest, metadata_type=ScanMetadata
    )
    assert future.result(timeout=20).bytes_total == 42
    slow = start(server, "alice", "slow").name
    client.cancel_operation(slow)
    listed = [each.name for each in client.list_operations(PARENT, "")]
    assert {slow, future.operation.name} <= set(listed)
    client.delete_operation(slow)
    with pytest.raises(exceptions.NotFound):
        client.get_operation(slow)


def test_another_tenant_finds_nothing(server: ServerProcess, client_of: Clients) -> None:
    name = start(server, "alice", "slow").name
    client = client_of(token("mallory"))
    for method in (client.get_operation, client.cancel_operation, client.delete_operation):
        with pytest.raises(exceptions.NotFound):
            method(name)
    assert list(client.list_operations(PARENT, "")) == []
    owner = client_of(token("alice"))
    assert not owner.get_operation(name).done
    owner.cancel_operation(name)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://other.example"}, exceptions.Unauthenticated),
        ({"exp": 1}, exceptions.Unauthenticated),
        ({"nbf": 4_000_000_000}, exceptions.Unauthenticated),
        ({"iss": "https://evil.example"}, exceptions.Unauthenticated),
        ({"scope": "other"}, exceptions.Forbidden),
    ],
)
def test_clients_understand_the_refusals(
    client_of: Clients, changes: dict[str, object], error: type[Exception]
) -> None:
    client = client_of(token("alice", **changes))
    # At a 401 over REST, google-auth wants another token, which these credentials cannot get.
    expected = (error, RefreshError) if error is exceptions.Unauthenticated else error
    with pytest.raises(expected):
        client.get_operation(f"{PARENT}/operations/o")


def test_health_is_told_to_everybody_and_reflection_to_nobody(server: ServerProcess) -> None:
    with grpc.insecure_channel(server.grpc) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        reply = stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert reply.status == health_pb2.HealthCheckResponse.SERVING
        reflect = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        with pytest.raises(grpc.RpcError) as refused:
            list(reflect(iter(()), timeout=20))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_lro_sends_its_token_file(server: ServerProcess, tmp_path: Path) -> None:
    name = start(server, "carol").name
    file = tmp_path / "token"
    file.write_text(token("carol"))
    arguments = [LRO, "list", PARENT, "--address", server.grpc]
    listed = run([*arguments, "--token-file", file, "--json"])
    assert (listed.returncode, name in listed.stdout) == (0, True), listed.stderr
    refused = run(arguments)
    assert refused.returncode == 2
    assert "The request has no access token" in refused.stderr


def test_a_server_for_other_machines_needs_authentication_or_a_flag(tmp_path: Path) -> None:
    serve = [LRO, "serve", "tests.clients.served_app:app", "--store", "memory:"]
    for ports in (["--grpc", "0.0.0.0:0"], ["--http", "[::]:0"], ["--http-by-host", "0.0.0.0:0"]):
        refused = run([*serve, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", *ports])
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr == (
            f"lro: {ports[0]} {ports[1]} can be reached from other machines, and the App lets "
            "everyone in: give it an authenticator, serve on 127.0.0.1, "
            "or say --allow-unauthenticated\n"
        )
    with ServerProcess(
        "tests.clients.served_app:app",
        store="memory:",
        log=tmp_path / "log",
        options=("--http", "0.0.0.0:0", "--allow-unauthenticated"),
    ) as server:
        server.start()
        assert "--http 0.0.0.0:0 lets everyone in who can reach it" in server.log()
        assert server.stop() == 0


def run(arguments: list[object]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        list(map(str, arguments)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=CHECKOUT,
    )
