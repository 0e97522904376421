"""Every step that the table allows, every step that it refuses, and what a step writes."""

import pytest
from google.longrunning import operations_pb2
from google.protobuf import any_pb2, wrappers_pb2
from google.rpc import code_pb2, status_pb2

from longrunning import lifecycle
from longrunning.lifecycle import TRANSITIONS, Event, IllegalTransition, Record, State

RESPONSE = any_pb2.Any(type_url="type.googleapis.com/unknown.Type", value=b"\x08\x01")
ERROR = status_pb2.Status(code=code_pb2.INTERNAL, message="broken")

STEPS = {
    Event.CLAIM: lambda record: lifecycle.claim(record, owner="me", now=2),
    Event.REPORT: lambda record: lifecycle.report(record, RESPONSE, now=2),
    Event.CHECKPOINT: lambda record: lifecycle.checkpoint(record, now=2),
    Event.REQUEST_CANCEL: lambda record: lifecycle.request_cancel(record, now=2),
    Event.SUCCEED: lambda record: lifecycle.succeed(record, RESPONSE, now=2),
    Event.FAIL: lambda record: lifecycle.fail(record, ERROR, now=2),
    Event.CANCEL: lambda record: lifecycle.cancel(record, now=2),
    Event.RELEASE: lambda record: lifecycle.release(record, now=2),
}


def a_record(state: State = State.RUNNING, **changes: object) -> Record:
    operation = operations_pb2.Operation(name="operations/a")
    if state.done:
        operation.done = True
        operation.error.code = code_pb2.CANCELLED
    values = {
        "name": "operations/a",
        "id": "a",
        "parent": "",
        "method": "",
        "handler": "",
        "caller": "",
        "request_id": "",
        "request_digest": b"",
        "state": state,
        "revision": 5,
        "attempt": 1,
        "owner": "somebody",
        "create_time": 1,
        "update_time": 1,
        "expire_time": 0,
        "retention": 100,
        "operation": operation.SerializeToString(),
    }
    return Record(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("state", State)
def test_a_step_leads_where_the_table_says_or_is_refused(state: State, event: Event) -> None:
    before = a_record(state)
    expected = TRANSITIONS.get((state, event))
    if expected is None:
        with pytest.raises(IllegalTransition) as refused:
            STEPS[event](before)
        assert str(refused.value) == f"Operation 'operations/a' is {state}: it cannot be {event}."
        assert refused.value.metadata["state"] == state
        return
    after = STEPS[event](before)
    operation = after.message()
    assert after.state is expected
    assert operation.done is expected.done
    if expected.done:
        assert operation.WhichOneof("result") in ("error", "response")
    else:
        assert operation.WhichOneof("result") is None


@pytest.mark.parametrize("state", [state for state in State if state.done])
def test_nothing_leads_out_of_a_finished_operation(state: State) -> None:
    assert {to for (frm, _), to in TRANSITIONS.items() if frm is state} == {state}
    before = a_record(state)
    assert lifecycle.request_cancel(before, now=2) is before


def test_a_repeated_cancellation_changes_nothing() -> None:
    before = a_record(State.CANCELLING)
    assert lifecycle.request_cancel(before, now=2) is before


def test_each_change_makes_the_next_revision() -> None:
    after = lifecycle.report(a_record(), RESPONSE, now=2)
    assert (after.revision, after.update_time) == (6, 2)


def test_a_clock_that_was_set_back_does_not_turn_an_operations_time_back() -> None:
    assert lifecycle.report(a_record(update_time=10), RESPONSE, now=2).update_time == 10


def test_a_claim_begins_the_next_attempt_of_its_owner() -> None:
    after = lifecycle.claim(a_record(State.PENDING, attempt=3, owner=""), owner="me", now=2)
    assert (after.state, after.attempt, after.owner) == (State.RUNNING, 4, "me")


def test_the_time_of_the_work_runs_from_its_first_claim() -> None:
    first = lifecycle.claim(a_record(State.PENDING), owner="me", now=200, timeout=50)
    assert first.deadline == 250
    again = lifecycle.claim(lifecycle.release(first, now=210), owner="me", now=220, timeout=50)
    assert again.deadline == 250
    assert lifecycle.claim(a_record(State.PENDING), owner="me", now=200).deadline == 0


def test_released_work_is_nobodys_and_waits() -> None:
    after = lifecycle.release(a_record(), now=2)
    assert (after.state, after.owner, after.attempt) == (State.PENDING, "", 1)


def test_work_that_is_released_while_cancelling_ends_as_cancelled() -> None:
    after = lifecycle.release(a_record(State.CANCELLING), now=2)
    assert after.message().error.code == code_pb2.CANCELLED


def test_work_may_finish_although_its_cancellation_was_requested() -> None:
    after = lifecycle.succeed(a_record(State.CANCELLING), RESPONSE, now=2)
    assert after.message().response == RESPONSE


def test_pending_work_is_cancelled_at_once() -> None:
    operation = lifecycle.request_cancel(a_record(State.PENDING), now=2).message()
    assert operation.done
    assert operation.error == status_pb2.Status(code=1, message="The operation was cancelled.")


def test_the_end_sets_when_it_expires_and_frees_the_owner() -> None:
    after = lifecycle.succeed(a_record(retention=100), RESPONSE, now=2)
    assert (after.expire_time, after.owner) == (102, "")


def test_nothing_fails_with_ok() -> None:
    with pytest.raises(ValueError, match="the code of the error is 0, OK"):
        lifecycle.fail(a_record(), status_pb2.Status(message="fine"), now=2)


def test_metadata_of_a_type_that_nobody_knows_survives_untouched() -> None:
    reported = lifecycle.report(a_record(), RESPONSE, now=2)
    done = lifecycle.succeed(reported, any_pb2.Any(type_url="a.b/c", value=b"\xff"), now=3)
    assert done.message().metadata == RESPONSE
    assert done.message().response.value == b"\xff"


def test_the_last_report_stays_when_the_operation_ends() -> None:
    packed = any_pb2.Any()
    packed.Pack(wrappers_pb2.Int32Value(value=100))
    reported = lifecycle.report(a_record(), packed, now=2)
    assert lifecycle.fail(reported, ERROR, now=3).message().metadata == packed
