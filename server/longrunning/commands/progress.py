"""How far an operation has come, as its metadata says, and the bar that shows it."""

import math
from types import TracebackType
from typing import TYPE_CHECKING, Self

from google.longrunning import operations_pb2
from google.protobuf import struct_pb2

from longrunning.commands.failure import printable
from longrunning.commands.message_types import MessageTypes

if TYPE_CHECKING:
    from google.protobuf.message import Message

# How the metadata of Google's own services call it, in the order of preference.
_FIELDS = (
    "progress_percent",
    "progressPercent",
    "progress_percentage",
    "progressPercentage",
    "percent_complete",
    "percentComplete",
)


def percentage(operation: operations_pb2.Operation, types: MessageTypes) -> float | None:
    """How many per cent are done, 0 to 100, or None when the metadata does not tell."""
    if not operation.HasField("metadata"):
        return None
    metadata = types.unpack(operation.metadata)
    # Not from the JSON, which leaves out a field that is 0: the type says whether it is there.
    values = () if metadata is None else (_number(metadata, name) for name in _FIELDS)
    found = next((value for value in values if value is not None), None)
    return None if found is None else min(100.0, max(0.0, found))


def _number(metadata: "Message", field: str) -> float | None:
    value = getattr(metadata, field, None)
    if isinstance(metadata, struct_pb2.Struct) and field in metadata.fields:
        value = metadata[field]
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


class ProgressBar:
    """A live line on stderr: a bar when the operation tells how far it is, else a spinner."""

    def __init__(self, name: str) -> None:
        from rich.console import Console  # noqa: PLC0415 - only on a terminal
        from rich.progress import (  # noqa: PLC0415 - only on a terminal
            BarColumn,
            Progress,
            SpinnerColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._name = printable(name)
        console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            SpinnerColumn("dots" if console.encoding.startswith("utf") else "line"),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("waiting", total=None)

    def __enter__(self) -> Self:
        self._progress.console.print(
            f"Waiting for {self._name} (Ctrl-C ends the waiting, not the operation)",
            markup=False,
            soft_wrap=True,
        )
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, percent: float | None) -> None:
        """Move the bar."""
        if percent is None:
            self._progress.update(self._task, description="running", total=None)
        else:
            self._progress.update(self._task, description="running", total=100, completed=percent)
