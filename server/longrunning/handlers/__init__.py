"""Handlers: the functions that do the work, and what is declared of them."""

from longrunning.handlers.handler import (
    Handler,
    OnConflict,
    OnInterruption,
    Resources,
    Run,
)
from longrunning.handlers.handlers import Handlers

__all__ = ["Handler", "Handlers", "OnConflict", "OnInterruption", "Resources", "Run"]
