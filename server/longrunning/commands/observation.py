"""How a process is watched: the options that `lro serve` and `lro worker` share."""

import dataclasses
import enum
from typing import Annotated

import typer

_PANEL = "Observing"


class LogFormat(enum.StrEnum):
    """How a line of log is written."""

    TEXT = "text"
    JSON = "json"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """Logs and metrics, as given on the command line."""

    log_format: Annotated[
        LogFormat,
        typer.Option(
            help="Lines for people, or a JSON object each for programs.", rich_help_panel=_PANEL
        ),
    ] = LogFormat.TEXT
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where Prometheus finds metrics, for anyone who can connect; port 0 takes a free "
            "one. They are off by default.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar="LRO_DEBUG",
            help="Log more, and show tracebacks.",
            rich_help_panel=_PANEL,
        ),
    ] = False

    def set_up_logging(self) -> None:
        """Has logs written to stderr; does nothing if the App's module has set them up itself."""
        import logging  # noqa: PLC0415 - `lro --help` reads this module and logs nothing

        from longrunning.logs import JSONFormatter  # noqa: PLC0415

        handler = logging.StreamHandler()
        handler.setFormatter(
            JSONFormatter()
            if self.log_format is LogFormat.JSON
            else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
        level = logging.DEBUG if self.debug else logging.INFO
        logging.basicConfig(level=level, handlers=[handler])
