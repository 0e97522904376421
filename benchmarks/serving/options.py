"""What is asked of a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.authentication import Issuer


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
        issuer: whose tokens callers bear, and servers ask for; None does without.
    """

    folder: Path
    quick: bool
    rounds: int
    seconds: int
    kinds: tuple[str, ...]
    operations: int
    waiters: int
    issuer: Issuer | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of the servers of this project."""
        return self.issuer.environment if self.issuer else {}

    def client(self) -> dict[str, str]:
        """Returns the headers of a new client: its token, if callers authenticate."""
        return self.issuer.headers() if self.issuer else {}
