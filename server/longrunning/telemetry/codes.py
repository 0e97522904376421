"""How an operation ended, as one word of a small vocabulary."""

from google.rpc import code_pb2

from longrunning.lifecycle import Record, State


def code_of(record: Record) -> str:
    """Returns the name of the code that a finished operation ended with, `OK` for a response.

    Any number that is no code counts as `UNKNOWN`, as it does for gRPC.

    Spec: google/rpc/code.proto
    """
    if record.state is State.SUCCEEDED:
        return "OK"
    if record.state is State.CANCELLED:
        return "CANCELLED"
    number = record.message().error.code
    known: bool = number in code_pb2.Code.values()
    return code_pb2.Code.Name(number) if known else "UNKNOWN"
