"""Several serving processes on the same ports, and the parent that keeps them."""

from longrunning.serving.fleet.fleet import Fleet
from longrunning.serving.fleet.membership import Membership

__all__ = ["Fleet", "Membership"]
