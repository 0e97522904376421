"""The work, as a Celery task that tells an operation how it is doing.

    celery --app examples.celery.tasks worker

SCAN_DB is the file of the operations, by default scans.db; SCANNER_ROOT what may be scanned.
"""

import logging
import os
import time

from celery.signals import worker_process_init, worker_process_shutdown

from examples.celery.work_queue import celery
from examples.scanner._gen.scanner_pb2 import ScanMetadata
from examples.scanner.root import Root
from examples.scanner.scan import Scan
from longrunning import (
    FailedPrecondition,
    Internal,
    OperationCancelled,
    OperationNotFound,
    Operations,
    OperationsError,
    SQLiteStore,
    WorkersElsewhere,
)

REPORT_SECONDS = 0.5  # several times in each lease, which every report renews

_log = logging.getLogger(__name__)

# The service has the same one. On several machines its store is PostgresStore(...).
operations = Operations(
    SQLiteStore(os.environ.get("SCAN_DB", "scans.db")),
    engine=WorkersElsewhere(),
    domain="scans.longrunning.example",
)
root = Root(os.environ.get("SCANNER_ROOT", "."))

# One for each process of the worker, opened after the fork: no event loop survives one.
ops = operations.portal()


@worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery has no types
def open_operations(**_: object) -> None:
    ops.__enter__()


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]
def close_operations(**_: object) -> None:
    ops.__exit__(None, None, None)


class Over(Exception):
    """The operation is over without us: deleted, or its lease ran out."""


class Reports:
    """Reports how far a scan has come, and stops it when its operation is cancelled.

    Args:
        name: the operation's.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0

    def __call__(self, metadata: ScanMetadata) -> None:
        if (now := time.monotonic()) < self._next:
            return
        self._next = now + REPORT_SECONDS
        try:
            cancel_requested = ops.report(self._name, metadata)
        except (OperationNotFound, FailedPrecondition):
            raise Over from None
        if cancel_requested:
            raise OperationCancelled(self._name)


@celery.task  # type: ignore[untyped-decorator]
def scan(name: str, directory: str) -> None:
    """Scans a directory for an operation; may come twice for one, of which the first end counts."""
    try:
        manifest = Scan(
            root, directory, max_manifest_bytes=1_000_000, checkpoint=Reports(name)
        ).run()
    except Over:
        _log.warning("gave up %s, which is over", name)
    except OperationCancelled:
        ops.cancelled(name)
    except OperationsError as error:
        ops.fail(name, error)
    except Exception:
        # Clients learn nothing of it; Celery logs it.
        ops.fail(name, Internal("The scan failed.", reason="SCAN_FAILED"))
        raise
    else:
        ops.succeed(name, manifest)
