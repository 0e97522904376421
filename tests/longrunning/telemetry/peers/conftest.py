"""These tests need what they compare with; what is missing is named, with the way to get it."""

from importlib.util import find_spec

try:
    found = find_spec("opentelemetry.instrumentation.grpc")
except ModuleNotFoundError:  # a parent of it
    found = None
if found is None:
    raise ModuleNotFoundError(
        "tests/longrunning/telemetry/peers needs opentelemetry.instrumentation.grpc: run"
        " `pip install --constraint constraints.txt --group peers`"
    )
