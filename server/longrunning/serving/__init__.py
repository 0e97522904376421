"""One process that serves an `App` over gRPC and HTTP."""

from longrunning.serving.app import App
from longrunning.serving.server import Addresses, StartupError, run, serve

__all__ = ["Addresses", "App", "StartupError", "run", "serve"]
