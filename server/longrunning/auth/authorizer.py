"""What callers may do: decided for a method and a parent, and then for each operation.

Spec: AIP-211 (permission before existence)
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from longrunning.auth.caller import Caller
from longrunning.lifecycle import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What somebody asks to do.

    Attributes:
        caller: who; nobody known (`ANONYMOUS`) where no token was asked for.
        service: the name of the service whose door it is, "" for the door that shows everything.
        method: the selector of the method, such as `google.longrunning.Operations.GetOperation`, or
            of the one that starts the work.
        parent: on what belongs to this, "" for what belongs to nothing. None where that is not
            known yet: a list of several parents, or a name that does not tell its parent.
    """

    caller: Caller
    service: str
    method: str
    parent: str | None


class Authorizer(Protocol):
    """Decides what callers may do; the service itself is never asked about."""

    async def may_call(self, access: Access) -> bool:
        """Whether the method may be called on the parent at all; else PERMISSION_DENIED.

        It is asked before anything is looked up, and must not depend on what exists there. Where it
        was asked without a parent, it is asked again with that of each operation that is found.
        """

    async def may_use(self, access: Access, record: Record) -> bool:
        """Whether the method may be used on this operation; else it looks absent.

        It is asked for each operation that a list comes across, so it has to be quick.

        Args:
            access: as for `may_call`, with the operation's parent.
            record: the operation; its `caller` is the `Caller.id` of who started it.
        """


@runtime_checkable
class ListsByOwner(Authorizer, Protocol):
    """An authorizer that knows whose operations a list can show at all."""

    async def listed_owner(self, access: Access) -> str | None:
        """Returns whose operations alone the caller may see, None where they are several people's.

        A list then looks at nothing else, so that few of many are found at once. `may_use` is asked
        about each of them all the same.

        Args:
            access: as for `may_call`.

        Returns:
            What their `Record.caller` is: a `Caller.id`.
        """


class Authenticated:
    """Everyone whose token is good may do everything."""

    async def may_call(self, access: Access) -> bool:
        """Whether somebody is known to call."""
        return access.caller.id != ""

    async def may_use(self, access: Access, record: Record) -> bool:  # noqa: ARG002 - whichever
        """Always."""
        return True


class OwnerOnly(Authenticated):
    """Everyone may start operations, and do everything with those of their own."""

    async def may_use(self, access: Access, record: Record) -> bool:
        """Whether the caller has started it."""
        return record.caller == access.caller.id

    async def listed_owner(self, access: Access) -> str | None:
        """Returns the caller; None where a derived class has a `may_use` of its own, and not this.

        That may let others see the operation, too, so only looking at all of them tells.
        """
        own = type(self)
        is_bound = own.may_use is OwnerOnly.may_use or own.listed_owner != OwnerOnly.listed_owner
        return access.caller.id if is_bound else None
