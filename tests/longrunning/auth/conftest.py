"""An App behind real ports, an issuer of tokens, and the server that publishes its keys."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import grpc
import httpx
import pytest
from google.api import auth_pb2, service_pb2

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from longrunning import App, AsyncOperationContext, MemoryStore, Operations
from longrunning.auth import Authenticator, Authorizer, JWTVerifier, TokenVerifier
from longrunning.serving.addresses import Address
from longrunning.serving.door import Door
from tests.longrunning.auth.authorization_server import AuthorizationServer
from tests.longrunning.auth.front import Front, GrpcFront, RestFront
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER, Issuer
from tests.longrunning.conftest import Clock

OPERATIONS = "google.longrunning.Operations"
SCOPES = {
    "*": "admin",
    f"{OPERATIONS}.*": "read, everything",
    f"{OPERATIONS}.DeleteOperation": "delete",
    "longrunning.examples.scan.v1.Scanner.Scan": "write",
}
ALL = "read write delete"
ANYWHERE = Address("127.0.0.1", 0)

Served = Callable[..., AbstractAsyncContextManager[Front]]


@pytest.fixture
def issuer(clock: Clock) -> Issuer:
    return Issuer(clock.now // 1_000_000)


@pytest.fixture
def authorization_server(issuer: Issuer) -> Iterator[AuthorizationServer]:
    server = AuthorizationServer()
    server.jwks = issuer.jwks
    yield server
    server.stop()


@pytest.fixture
def verifier(authorization_server: AuthorizationServer, clock: Clock) -> JWTVerifier:
    return JWTVerifier(
        issuer=ISSUER,
        audience=AUDIENCE,
        keys=f"{authorization_server.url}/jwks",
        key_lifetime=600,
        key_retry=10,
        fetch_seconds=15,
        clock=clock,
    )


def scan_app(
    verifiers: list[TokenVerifier], authorizer: Authorizer | None, clock: Clock, **options: object
) -> App:
    """The App of the example, with work that ends when it is cancelled and not before."""
    operations = Operations(
        MemoryStore(), domain="auth.example", authorizer=authorizer, clock=clock
    )

    @operations.handler(
        response=Manifest,
        metadata=ScanMetadata,
        name="scan",
        conflict=lambda request: request.directory,
        on_conflict="refuse",
    )
    async def scan(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
        return Manifest(bytes_total=len(request.directory))

    class Scanner(scanner_pb2_grpc.ScannerServicer):
        async def Scan(self, request, context):
            return await operations.start(
                scan,
                request,
                context=context,
                parent=request.parent,
                request_id=request.request_id,
            )

    rules = [
        auth_pb2.AuthenticationRule(
            selector=selector, oauth=auth_pb2.OAuthRequirements(canonical_scopes=scopes)
        )
        for selector, scopes in SCOPES.items()
    ]
    return App(
        operations,
        servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, Scanner())],
        service_configs=[
            "protos/service_configs/scanner_v1.yaml",
            service_pb2.Service(name="scopes", authentication=auth_pb2.Authentication(rules=rules)),
        ],
        authenticator=Authenticator(verifiers, realm="scans", **options),  # type: ignore[arg-type]
    )


@contextlib.asynccontextmanager
async def serving(app: App, protocol: str) -> AsyncIterator[Front]:
    """Serves an App at real ports, and yields one of them."""
    door = Door(app)
    async with app.operations:
        bound = door.bind(ANYWHERE, ANYWHERE, grace=1)
        await door.open()
        try:
            if protocol == "gRPC":
                async with grpc.aio.insecure_channel(bound.grpc) as channel:
                    yield GrpcFront(channel)
            else:
                async with httpx.AsyncClient(base_url=f"http://{bound.http}", timeout=20) as client:
                    yield RestFront(client)
        finally:
            await door.close(1)


@pytest.fixture(params=["gRPC", "REST"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)
