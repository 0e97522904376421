"""The seam between operations and whoever watches them."""

from longrunning.observing.observed_store import ObservedStore
from longrunning.observing.observer import Observer
from longrunning.observing.observers import Observers

__all__ = ["ObservedStore", "Observer", "Observers"]
