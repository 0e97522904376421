"""Two observers, each for tools that are there already. Needs the extra `telemetry`."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longrunning.telemetry.metrics import Metrics
    from longrunning.telemetry.tracing import Tracing

__all__ = ["Metrics", "Tracing"]

_HOMES = {"Metrics": "metrics", "Tracing": "tracing"}


def __getattr__(name: str) -> object:
    """Imports an observer when it is first used: each has a library of its own."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("opentelemetry", "prometheus_client"):
            raise
        raise ImportError(
            f"{name} needs the extra 'telemetry': pip install 'longrunning[telemetry]'"
        ) from None
    return getattr(module, name)
