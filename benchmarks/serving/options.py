"""What is asked of a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How much is measured, and with what.

    Attributes:
        folder: for files that go with the run.
        quick: whether it is for a look, in under a minute.
        rounds: how often each case is measured.
        seconds: how long load is put on a case, in whole seconds.
        kinds: which stores.
        operations: how many there are where their number is not what is measured.
        waiters: how many wait at the same time.
        serve: further options of `lro serve`, such as those of authentication.
        headers: of every request, such as credentials.
    """

    folder: Path
    quick: bool
    rounds: int
    seconds: int
    kinds: tuple[str, ...]
    operations: int
    waiters: int
    serve: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def authentication(state: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Returns the options of `lro serve` and the headers of clients for authentication off or on.

    Raises:
        SystemExit: it cannot be had.
    """
    if state == "off":
        return (), {}
    raise SystemExit("authentication is not built yet: measure with --authentication off")
