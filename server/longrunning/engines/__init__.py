"""Who runs the work: one seam, and the engines on the other side of it."""

from longrunning.engines.context import (
    AsyncOperationContext,
    OperationCancelled,
    SyncOperationContext,
)
from longrunning.engines.contract import Engine
from longrunning.engines.elsewhere import WorkersElsewhere
from longrunning.engines.in_process import InProcessEngine
from longrunning.engines.one_by_one import OneByOne

__all__ = [
    "AsyncOperationContext",
    "Engine",
    "InProcessEngine",
    "OneByOne",
    "OperationCancelled",
    "SyncOperationContext",
    "WorkersElsewhere",
]
