"""The processes of `App`s: one that serves them over gRPC and HTTP, one that only works."""

from longrunning.serving.addresses import StartupError
from longrunning.serving.app import App
from longrunning.serving.certificate_files import CertificateFiles
from longrunning.serving.door import DoorAddress
from longrunning.serving.http_servers import HttpServerKind
from longrunning.serving.process import run
from longrunning.serving.server import Addresses, serve
from longrunning.serving.transport_limits import TransportLimits
from longrunning.serving.working import work

__all__ = [
    "Addresses",
    "App",
    "CertificateFiles",
    "DoorAddress",
    "HttpServerKind",
    "StartupError",
    "TransportLimits",
    "run",
    "serve",
    "work",
]
