"""An app that lets in whoever bears a JWT, and shows everyone his own operations only.

JWKS=jwks.json lro serve tests.clients.guarded_app:app
"""

import asyncio
import os

from google.api import auth_pb2, service_pb2

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import Manifest, ScanMetadata, ScanRequest
from longrunning import App, AsyncOperationContext, MemoryStore, Operations
from longrunning.auth import Authenticator, JWTVerifier, OwnerOnly
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER

operations = Operations(MemoryStore(), domain="clients.example", authorizer=OwnerOnly())


@operations.handler(response=Manifest, metadata=ScanMetadata)
async def scan(request: ScanRequest, operation: AsyncOperationContext) -> Manifest:
    if request.directory == "slow":
        await operation.report(ScanMetadata(progress_percent=10))
        await asyncio.Event().wait()
    return Manifest(bytes_total=42)


class ScannerServicer(scanner_pb2_grpc.ScannerServicer):
    async def Scan(self, request, context):
        return await operations.start(scan, request, context=context, parent=request.parent)


rule = auth_pb2.AuthenticationRule(selector="*")
rule.oauth.canonical_scopes = "https://scanner.example/auth/scans"

app = App(
    operations,
    servicers=[(scanner_pb2_grpc.add_ScannerServicer_to_server, ScannerServicer())],
    service_configs=[
        "operations_v1",
        service_pb2.Service(name="scopes", authentication=auth_pb2.Authentication(rules=[rule])),
    ],
    authenticator=Authenticator(
        [JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=os.environ["JWKS"])],
        without_token=["grpc.health.v1.Health.*"],
    ),
)
