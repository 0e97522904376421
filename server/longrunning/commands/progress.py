"""How far an operation has come, as its metadata says, and the bar that shows it."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from google.longrunning import operations_pb2

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
    value = None if metadata is None else _field(metadata)
    return None if value is None else min(100.0, max(0.0, value))


def _field(metadata: "Message") -> float | None:
    # A field that is 0 is not in the JSON: the type says whether it is there.
    struct = metadata.DESCRIPTOR.full_name == "google.protobuf.Struct"
    for name in _FIELDS:
        if struct:
            value = metadata.fields[name].number_value if name in metadata.fields else None  # type: ignore[attr-defined]
        else:
            value = getattr(metadata, name, None)
        if isinstance(value, int | float):
            return float(value)
    return None


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
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True, highlight=False),
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
