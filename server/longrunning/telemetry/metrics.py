"""What Prometheus is told of operations."""

import contextlib
import time
from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from longrunning.clock import SECOND
from longrunning.lifecycle import Record, State
from longrunning.observing import Observer
from longrunning.telemetry.codes import code_of

# In seconds. Work takes from nothing to hours; a store, from microseconds to its time-out.
_WORK = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
_QUEUE = (0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
_STORE = (0.00005, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5)


class Metrics(Observer):
    """Counts and times what this process sees of operations.

    Labels are handlers, codes and methods of the store, and never anything that grows with use. The
    handler of work that runs elsewhere is "".

    Args:
        registry: where the metrics are registered; a registry has room for one of these.

    Attributes:
        registry: the same.

    Spec: https://prometheus.io/docs/practices/naming/
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.registry = registry
        self._started = Counter(
            "longrunning_operations_started_total",
            "Operations created by this process.",
            ["handler"],
            registry=registry,
        )
        self._finished = Counter(
            "longrunning_operations_finished_total",
            "Operations ended by this process, by the google.rpc.Code of their outcome.",
            ["handler", "code"],
            registry=registry,
        )
        self._running = Gauge(
            "longrunning_operations_running",
            "Pieces of work that run in this process.",
            ["handler"],
            registry=registry,
        )
        self._queue_wait = Histogram(
            "longrunning_operation_queue_wait_seconds",
            "How long work was pending before this process took it.",
            ["handler"],
            registry=registry,
            buckets=_QUEUE,
        )
        self._run_time = Histogram(
            "longrunning_operation_run_time_seconds",
            "How long one attempt at the work took, its outcome written.",
            ["handler"],
            registry=registry,
            buckets=_WORK,
        )
        self._waiters = Gauge(
            "longrunning_waiters",
            "Calls of WaitOperation that wait in this process.",
            registry=registry,
        )
        self._store_latency = Histogram(
            "longrunning_store_latency_seconds",
            "How long a call of the store took.",
            ["method"],
            registry=registry,
            buckets=_STORE,
        )

    def changed(self, before: Record | None, after: Record) -> None:
        """Counts what was started and finished, and times what was taken."""
        if before is None:
            self._started.labels(after.handler).inc()
        elif after.state.done:
            self._finished.labels(after.handler, code_of(after)).inc()
        elif before.state is State.PENDING:
            waited = (after.update_time - before.update_time) / SECOND
            self._queue_wait.labels(after.handler).observe(waited)

    @contextlib.contextmanager
    def attempt(self, record: Record) -> Iterator[None]:
        """Counts and times what runs."""
        began = time.perf_counter()
        running = self._running.labels(record.handler)
        running.inc()
        try:
            yield
        finally:
            running.dec()
            self._run_time.labels(record.handler).observe(time.perf_counter() - began)

    def waiting(self, change: int) -> None:
        """Counts who waits."""
        self._waiters.inc(change)

    def stored(self, method: str, seconds: float) -> None:
        """Times the store."""
        self._store_latency.labels(method).observe(seconds)
