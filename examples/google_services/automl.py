"""AutoML v1beta1: exports a dataset of labelled images as the CSV file that imports read."""

import csv
import io
import re
from typing import Any

import grpc.aio
from google.cloud.automl_v1beta1.types import (
    ExportDataOperationMetadata,
    ExportDataRequest,
    OperationMetadata,
)
from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty

from examples.google_services.methods import LongRunningMethod, plain
from examples.google_services.progress import Pace, now
from examples.google_services.storage import Storage
from longrunning import App, InvalidArgument, Operations, SyncOperationContext

EXPORT_DATA = LongRunningMethod(
    "google.cloud.automl.v1beta1.AutoMl/ExportData",
    request=ExportDataRequest,
    response=Empty,
    metadata=OperationMetadata,
    paths=["/v1beta1/{name=projects/*/locations/*/datasets/*}:exportData"],
)

DATASETS = "gs://automl-datasets"
"""Where the datasets are: each in a folder of its name, its images in a folder for each label."""

_NAME = re.compile(r"(?P<parent>projects/[^/\s]+/locations/[^/\s]+)/datasets/(?P<dataset>[^/\s]+)")


def door(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.automl.v1beta1`."""

    def export(request: ExportDataRequest, operation: SyncOperationContext) -> Empty:
        _, dataset = _parts(request.name)
        prefix = request.output_config.gcs_destination.output_uri_prefix.rstrip("/")
        folder = f"{prefix}/export_data-{dataset}-{operation.name.rpartition('/')[2]}"
        source, created, lines = f"{DATASETS}/{dataset}", now(), io.StringIO()
        table = csv.writer(lines, lineterminator="\n")
        for uri in pace.steps(
            operation,
            storage.files(source),
            lambda percent: OperationMetadata(
                progress_percent=percent,
                create_time=created,
                update_time=now(),
                export_data_details=ExportDataOperationMetadata(
                    output_info=ExportDataOperationMetadata.ExportDataOutputInfo(
                        gcs_output_directory=folder
                    )
                ),
            ),
        ):
            label, slash, _ = uri.removeprefix(f"{source}/").rpartition("/")
            table.writerow(["UNASSIGNED", uri, label] if slash else ["UNASSIGNED", uri])
        storage.write(f"{folder}/image_classification.csv", lines.getvalue().encode())
        return Empty()

    handler = EXPORT_DATA.handler(operations, export)

    async def start(
        request: ExportDataRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        parent, dataset = _parts(request.name)
        storage.check(f"{DATASETS}/{dataset}", "name")
        storage.check(
            request.output_config.gcs_destination.output_uri_prefix,
            "output_config.gcs_destination.output_uri_prefix",
            is_object=False,
        )
        return await operations.start(handler, plain(request), context=context, parent=parent)

    return App(
        operations,
        service=operations.for_service("automl_v1beta1"),
        servicers=[(EXPORT_DATA.add_to_server, start)],
    )


def _parts(name: str) -> tuple[str, str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidArgument(
            "name is malformed: "
            "expected 'projects/{project}/locations/{location}/datasets/{dataset}'.",
            field="name",
            reason="INVALID_NAME",
        )
    return match["parent"], match["dataset"]
