"""Errors as values: they cross between processes whole."""

import pickle

import pytest
from google.rpc import error_details_pb2

from longrunning.errors import (
    Aborted,
    InvalidArgument,
    OperationConflict,
    OperationNotFound,
    OperationsError,
    OperationTooLarge,
)


class Locked(Aborted):
    def __init__(self, *, by: str) -> None:
        super().__init__(f"Locked by {by}.", reason="LOCKED")
        self.by = by


@pytest.mark.parametrize(
    "error",
    [
        Aborted(
            "Later.",
            reason="LATER",
            metadata={"seconds": "3"},
            details=[error_details_pb2.Help(links=[{"url": "https://example.com"}])],
        ),
        InvalidArgument("Is empty.", field="name", reason="EMPTY"),
        OperationConflict("databases/d", "operations/1"),
        OperationNotFound("operations/1"),
        OperationTooLarge(20, 10),
        Locked(by="me"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_on_the_other_side_of_a_pipe(error: OperationsError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.args, copy.code) == (str(error), error.args, error.code)
    assert vars(copy) == vars(error)
