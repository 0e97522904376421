"""Who runs the work: one seam, and the engines on the other side of it."""

from longrunning.engines.context import (
    AsyncOperationContext,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.engines.contract import Engine
from longrunning.engines.elsewhere import WorkersElsewhere
from longrunning.engines.in_process import InProcessEngine

__all__ = [
    "AsyncOperationContext",
    "Engine",
    "InProcessEngine",
    "OperationCancelled",
    "SyncOperationContext",
    "WorkersElsewhere",
]
