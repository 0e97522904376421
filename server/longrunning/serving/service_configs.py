"""The service files that come with this package, by name."""

from importlib import resources
from pathlib import Path

from google.api import service_pb2

_SHIPPED = Path(str(resources.files("longrunning"))) / "service_configs"


def service_config(config: str | Path | service_pb2.Service) -> Path | service_pb2.Service:
    """Returns a service file by name or path; a message is returned as it is.

    A plain word is the name of a file that is shipped, `operations_v1`; everything else is a path.
    """
    if isinstance(config, service_pb2.Service):
        return config
    path = Path(config)
    if len(path.parts) == 1 and not path.suffix:
        return _SHIPPED / f"{path}.yaml"
    return path
