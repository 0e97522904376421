"""Dataproc v1: runs one job, Hadoop's WordCount, over text files."""

import re
from collections import Counter
from typing import Any

import grpc.aio
from google.cloud.dataproc_v1.types import (
    HadoopJob,
    Job,
    JobMetadata,
    JobReference,
    JobStatus,
    SubmitJobRequest,
)
from google.longrunning import operations_pb2

from examples.google_services.methods import LongRunningMethod, plain
from examples.google_services.progress import Pace, now
from examples.google_services.storage import Storage
from longrunning import App, InvalidArgument, Operations, SyncOperationContext

SUBMIT_JOB_AS_OPERATION = LongRunningMethod(
    "google.cloud.dataproc.v1.JobController/SubmitJobAsOperation",
    request=SubmitJobRequest,
    response=Job,
    metadata=JobMetadata,
    paths=["/v1/projects/{project_id}/regions/{region}/jobs:submitAsOperation"],
)

WORD_COUNT = "org.apache.hadoop.examples.WordCount"

_WORD = re.compile(rb"\w+")


def door(operations: Operations, storage: Storage, pace: Pace) -> App:
    """Returns the door of `google.cloud.dataproc.v1`."""

    def submit(request: SubmitJobRequest, operation: SyncOperationContext) -> Job:
        (source, output), started = request.job.hadoop_job.args, now()
        # A job that was given no id is known by that of its operation.
        job_id = request.job.reference.job_id or operation.name.rpartition("/")[2]
        counts: Counter[bytes] = Counter()
        for uri in pace.steps(
            operation,
            storage.files(source),
            lambda percent: JobMetadata(
                job_id=job_id,
                operation_type="SUBMIT",
                start_time=started,
                status=JobStatus(
                    state=JobStatus.State.DONE if percent == 100 else JobStatus.State.RUNNING,
                    details=f"map {percent}%",
                    state_start_time=started,
                ),
            ),
        ):
            counts.update(_WORD.findall(storage.read(uri).lower()))
        lines = [b"%s\t%d\n" % counted for counted in sorted(counts.items())]
        storage.write(f"{output.rstrip('/')}/part-r-00000", b"".join(lines))
        return Job(
            reference=JobReference(project_id=request.project_id, job_id=job_id),
            placement=request.job.placement,
            hadoop_job=request.job.hadoop_job,
            status=JobStatus(state=JobStatus.State.DONE, state_start_time=now()),
            driver_output_resource_uri=output,
            labels=request.job.labels,
            done=True,
        )

    handler = SUBMIT_JOB_AS_OPERATION.handler(operations, submit)

    async def start(
        request: SubmitJobRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> operations_pb2.Operation:
        _check(request, storage)
        return await operations.start(
            handler,
            plain(request),
            context=context,
            parent=f"projects/{request.project_id}/regions/{request.region}",
            request_id=request.request_id,
        )

    return App(
        operations,
        service=operations.for_service("dataproc_v1"),
        servicers=[(SUBMIT_JOB_AS_OPERATION.add_to_server, start)],
    )


def _check(request: SubmitJobRequest, storage: Storage) -> None:
    for field in ("project_id", "region"):
        if not re.fullmatch(r"[^/\s]+", getattr(request, field)):
            raise InvalidArgument(
                f"{field} is missing or malformed.", field=field, reason="INVALID_PARENT"
            )
    job: HadoopJob = request.job.hadoop_job
    if job.main_class != WORD_COUNT or len(job.args) != 2:
        raise InvalidArgument(
            f"The job is not supported: expected a hadoop_job with main_class {WORD_COUNT!r} "
            "and two args, the folders of its input and of its output.",
            field="job.hadoop_job",
            reason="UNSUPPORTED_JOB",
        )
    for number, uri in enumerate(job.args):
        storage.check(uri, f"job.hadoop_job.args[{number}]", is_object=False)
