"""Lines of log that a program can read: the fields of an operation, and JSON."""

import json
import logging
import math
from datetime import UTC, datetime

from longrunning.lifecycle import Record
from longrunning.traces import ids_of

_OWN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def fields_of(record: Record) -> dict[str, object]:
    """Returns what a line about an operation has as its `extra`.

    `trace_id` and `span_id` are those of whoever started it, "" for none.
    """
    trace_id, span_id = ids_of(record.trace)
    return {
        "operation": record.name,
        "state": str(record.state),
        "revision": record.revision,
        "attempt": record.attempt,
        "handler": record.handler,
        "trace_id": trace_id,
        "span_id": span_id,
    }


class JSONFormatter(logging.Formatter):
    r"""Writes each record as one JSON object on one line.

    It has `time` (RFC 3339, UTC), `level`, `logger` and `message`, the record's `extra` fields, and
    `exception` with the traceback if there is one. Line breaks are escaped. Of the extra fields
    only text, numbers and truth values are written, since what other objects would show of
    themselves is nobody's choice, and none whose name begins with `_`.

    Spec: OpenTelemetry, "Trace Context in non-OTLP Log Formats" (`trace_id` and `span_id`)
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OWN and not name.startswith("_") and _is_plain(value):
                line.setdefault(name, value)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
