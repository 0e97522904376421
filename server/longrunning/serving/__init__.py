"""The processes of an `App`: one that serves it over gRPC and HTTP, one that only works."""

from longrunning.event_loop import run
from longrunning.serving.app import App
from longrunning.serving.server import Addresses, StartupError, serve
from longrunning.serving.working import work

__all__ = ["Addresses", "App", "StartupError", "run", "serve", "work"]
