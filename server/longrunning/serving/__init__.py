"""One process that serves an `App`, or several, over gRPC and HTTP."""

from longrunning.serving.app import App
from longrunning.serving.door import DoorAddress
from longrunning.serving.server import Addresses, StartupError, run, serve

__all__ = ["Addresses", "App", "DoorAddress", "StartupError", "run", "serve"]
