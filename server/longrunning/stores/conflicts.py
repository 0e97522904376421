"""What a record has to do with others of its conflict key: whom it bars, whom it lets go on."""

from longrunning.lifecycle import Record, State


def gives_work(before: Record | None, after: Record | None) -> bool:
    """Whether a change may make something claimable: the record itself, or one behind it.

    Args:
        before: what it was, None if it is new.
        after: what it is, None if it was deleted.
    """
    if after is None:
        return before is not None and before.conflict_key != "" and not before.state.done
    return after.state is State.PENDING or (after.state.done and after.conflict_key != "")


def can_conflict(record: Record) -> bool:
    """Whether another operation with its conflict key can prevent that this one is created."""
    return record.conflict_key != "" and (record.exclusive or is_claimed(record))


def is_claimed(record: Record) -> bool:
    """Whether its work is under way."""
    return record.state in (State.RUNNING, State.CANCELLING)
