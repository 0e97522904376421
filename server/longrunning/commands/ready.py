"""The one line that scripts wait for."""

import signal
from collections.abc import Callable
from typing import Generic, TypeVar

import typer

T = TypeVar("T")


class Ready(Generic[T]):
    """Prints a line as soon as a process is ready.

    Attributes:
        error: why it could not; the process is stopped then, as by whoever started it.

    Args:
        line: makes the line of what became ready.
    """

    def __init__(self, line: Callable[[T], str]) -> None:
        self.error: OSError | None = None
        self._line = line

    def __call__(self, what: T) -> None:
        """Says so."""
        try:
            typer.echo(self._line(what))
        except OSError as error:
            self.error = error
            signal.raise_signal(signal.SIGTERM)
