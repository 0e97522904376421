"""What counts as a request that was answered: right replies, and nothing else."""

import json

import pytest
from google.longrunning import operations_pb2

from benchmarks.serving.generators import GrpcTarget, Load, RestTarget

GRPC = GrpcTarget(
    address="127.0.0.1:1",
    method="google.longrunning.Operations/GetOperation",
    request=operations_pb2.GetOperationRequest(name="operations/a"),
    reply_bytes=95,
)
REST = RestTarget(address="127.0.0.1:1", paths=["/v1/operations/a"], reply_bytes=95)


def h2load(*, succeeded: int = 1000, failed: int = 0, errored: int = 0, data: int) -> str:
    """What h2load prints of a run."""
    done = succeeded + failed + errored
    return (
        f"finished in 2.00s, {succeeded / 2} req/s, 1.00MB/s\n"
        f"requests: {done} total, {done} started, {done} done, {succeeded} succeeded, "
        f"{failed} failed, {errored} errored, 0 timeout\n"
        f"traffic: 1.00MB (1048576) total, 1B (1) headers (space savings 1%), 1B ({data}) data\n"
    )


def wrk(*, requests: int = 1000, errors: int = 0, received: int) -> str:
    """What wrk prints of a run, with our counts."""
    counts = {"requests": requests, "microseconds": 2e6, "bytes": received, "errors": errors}
    return f"Running 2s test\n{json.dumps(counts)}\n"


def test_right_replies_count() -> None:
    assert GRPC.load(h2load(data=100_000)) == Load(1000, 2.0)
    assert REST.load(wrk(received=200_000)) == Load(1000, 2.0)


def test_what_the_end_cuts_off_is_no_request() -> None:
    assert GRPC.load(h2load(errored=64, data=100_000)) == Load(1000, 2.0)


@pytest.mark.parametrize(
    "printed",
    [
        h2load(data=100_000, failed=1),
        h2load(data=100_000, errored=65),
        h2load(data=0),
        h2load(data=99_500),  # five of a thousand were errors, which have no data
    ],
)
def test_a_run_with_a_wrong_reply_over_grpc_ends_the_benchmark(printed: str) -> None:
    with pytest.raises(SystemExit, match="does not answer well"):
        GRPC.load(printed)


@pytest.mark.parametrize(
    "printed",
    [
        wrk(received=200_000, errors=1),
        wrk(received=0, requests=0),
        wrk(received=80_000),  # each has a head, and not much more
    ],
)
def test_a_run_with_a_wrong_reply_over_rest_ends_the_benchmark(printed: str) -> None:
    with pytest.raises(SystemExit, match="does not answer well"):
        REST.load(printed)
