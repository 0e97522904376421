"""For people who test their own handlers: `await run(handler, request)`, a fake clock, a fixture.

The fixture is in `longrunning.testing.plugin`, which needs pytest; nothing else here does.
"""

from longrunning.testing.fake_clock import FakeClock
from longrunning.testing.handler_run import run
from longrunning.testing.in_memory import in_memory
from longrunning.testing.result import HandlerResult

__all__ = ["FakeClock", "HandlerResult", "in_memory", "run"]
