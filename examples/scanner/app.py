"""The scanner as an application.

    SCANNER_ROOT=/srv/data lro serve examples.scanner.app:app

SCANNER_ROOT is the directory that may be scanned, by default the current one.
"""

import os
from pathlib import Path

from examples.scanner._gen import scanner_pb2_grpc
from examples.scanner._gen.scanner_pb2 import Manifest, ScanRequest
from examples.scanner.reports import Reports
from examples.scanner.root import Root
from examples.scanner.scan import Scan
from examples.scanner.servicer import ScannerServicer
from longrunning import App, Operations, SQLiteStore, SyncOperationContext

SERVICE_CONFIG = Path(__file__).parents[2] / "protos" / "service_configs" / "scanner_v1.yaml"

# A manifest takes some 120 bytes a file, so the usual limit of 1 MiB would end at 9,000 files.
# 3 MiB leave room for the rest of a reply in the 4 MiB that gRPC clients accept by default.
MAX_OPERATION_BYTES = 3 * 1024 * 1024
MAX_MANIFEST_BYTES = MAX_OPERATION_BYTES - 16 * 1024  # the rest: name, metadata, the types' names

root = Root(os.environ.get("SCANNER_ROOT", "."))

operations = Operations(
    SQLiteStore("scanner.db"),
    domain="scanner.longrunning.example",
    max_operation_bytes=MAX_OPERATION_BYTES,
)


# A scan changes nothing, so one whose process died is simply begun again.
@operations.handler(
    method="longrunning.examples.scan.v1.Scanner/Scan", run="thread", on_interruption="retry"
)
def scan(request: ScanRequest, operation: SyncOperationContext) -> Manifest:
    """Digests the files of a directory."""
    return Scan(
        root,
        request.directory,
        max_manifest_bytes=MAX_MANIFEST_BYTES,
        checkpoint=Reports(operation),
    ).run()


app = App(
    operations,
    servicers=[
        (
            scanner_pb2_grpc.add_ScannerServicer_to_server,
            ScannerServicer(operations, scan, root),
        )
    ],
    service_configs=[SERVICE_CONFIG],
)
