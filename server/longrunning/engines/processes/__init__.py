"""Handlers in processes of their own, which stay warm from call to call.

`pool` and `process` are the server's side, `child` and `running_call` the other one.
"""

from longrunning.engines.processes.pool import ProcessPool

__all__ = ["ProcessPool"]
