"""What the processes of a `RayEngine` have to know of each other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the cluster does the work; made of plain values, to be sent about.

    Attributes:
        target: `module:attribute`, where the cluster finds the handlers.
        store: the URL of the store, None for that of the module.
        max_tasks: how many tasks of each handler are in Ray at once, running and waiting.
        lease_seconds: how long after its last sign of life a Ray worker counts as dead.
        sweep_seconds: how often to look for work that nobody told of.
        resend_seconds: how long to wait with sending again what a task could not take.
        linger_seconds: how long the dispatcher serves after it last heard of who made it.
    """

    target: str
    store: str | None
    max_tasks: int
    lease_seconds: float
    sweep_seconds: float
    resend_seconds: float
    linger_seconds: float
