"""What OpenTelemetry is told of operations.

Spec: OpenTelemetry semantic conventions, "Messaging spans" and "Recording errors"; W3C Trace
Context
"""

import contextlib
from collections.abc import Iterator

from opentelemetry import trace
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from longrunning.lifecycle import Record, State
from longrunning.observing import Observer
from longrunning.telemetry.codes import code_of

_TRACE_CONTEXT = TraceContextTextMapPropagator()


class Tracing(Observer):
    """Joins the trace of whoever starts an operation to the work that it starts.

    Each attempt is a span, `process HANDLER`, whose parent is the span that started the operation,
    in whatever process either of them is. A link besides would be enough for a queue; but one piece
    of work has one cause, so the conventions allow the parent, and a trace then shows all of it.
    Spans that a handler makes are children of its attempt, on the loop and in a thread.

    Args:
        provider: makes the spans; by default the one that OpenTelemetry is set up with.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("longrunning", tracer_provider=provider)
        self._spans: dict[tuple[str, int], Span] = {}

    def trace(self) -> str:
        """Returns the span that is current, such as that of OpenTelemetry's gRPC interceptor."""
        carrier: dict[str, str] = {}
        _TRACE_CONTEXT.inject(carrier)
        return carrier.get("traceparent", "")

    @contextlib.contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        """Is a span, current for the handler."""
        # Into an empty context: what is current where work is taken has nothing to do with it.
        parent = _TRACE_CONTEXT.extract({"traceparent": record.trace})
        cause = trace.get_current_span(parent).get_span_context()
        span = self._tracer.start_span(
            f"process {record.handler}",
            parent,
            SpanKind.CONSUMER,
            {
                "messaging.system": "longrunning",
                "messaging.operation.type": "process",
                "messaging.operation.name": "process",
                "messaging.destination.name": record.handler,
                "messaging.message.id": record.name,
                "longrunning.operation.name": record.name,
                "longrunning.operation.handler": record.handler,
                "longrunning.operation.attempt": record.attempt,
            },
            [Link(cause)] if cause.is_valid else [],
        )
        key = (record.name, record.attempt)
        self._spans[key] = span
        try:
            with trace.use_span(span, end_on_exit=True):
                yield
        finally:
            del self._spans[key]

    def changed(self, before: Record | None, after: Record) -> None:  # noqa: ARG002 - the seam's
        """Marks an attempt's span with what came of it."""
        span = self._spans.get((after.name, after.attempt))
        if span is None or not (after.state.done or after.state is State.PENDING):
            return
        span.set_attribute("longrunning.operation.state", str(after.state))
        if not after.state.done:
            return  # it was interrupted, and another attempt is to come
        code = code_of(after)
        span.set_attribute("longrunning.operation.code", code)
        if after.state is State.FAILED:
            span.set_attribute("error.type", code)
            span.set_status(Status(StatusCode.ERROR, after.message().error.message))

    def failed(self, record: Record, error: Exception) -> None:
        """Records the exception in the attempt's span, where clients do not see it."""
        if span := self._spans.get((record.name, record.attempt)):
            span.record_exception(error)
