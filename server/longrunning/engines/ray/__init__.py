"""The engine that gives the work to a Ray cluster.

Four processes have a part in it: the API server (`engine`), its bridge to the cluster (`bridge`),
one dispatcher in the cluster (`dispatcher`, `tasks`), and Ray's workers (`work`).
"""

from longrunning.engines.ray.engine import RayEngine

__all__ = ["RayEngine"]
