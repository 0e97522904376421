"""These tests need what they compare with; what is missing is named, with the way to get it."""

from importlib.util import find_spec

NEEDED = (
    "envoy",
    "fastapi",
    "hypercorn",
    "openapi_spec_validator",
    "opentelemetry.instrumentation.grpc",
    "schemathesis",
    "starlette",
)


def _is_missing(module: str) -> bool:
    try:
        return find_spec(module) is None
    except ModuleNotFoundError:  # a parent of it
        return True


if missing := [module for module in NEEDED if _is_missing(module)]:
    raise ModuleNotFoundError(
        f"tests/grpc_transcoding/peers needs {', '.join(missing)}: run"
        " `pip install --constraint constraints.txt --group peers`"
    )
