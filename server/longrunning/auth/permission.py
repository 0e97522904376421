"""What an authorizer has to say of one call."""

from longrunning.auth.authorizer import Access, Authorizer, ListsByOwner
from longrunning.auth.caller import Caller
from longrunning.auth.refusals import credentials_missing, permission_denied
from longrunning.lifecycle import Record


class Permission:
    """Asks what the caller of one call may do; the service itself may do everything.

    Args:
        authorizer: decides; None lets everyone do everything.
        caller: who calls, None for the service itself.
        service: the name of the service whose door it is, "" for the door that shows everything.
        method: the selector of the method.

    Attributes:
        is_limited: whether there is anything that the caller may not do.
    """

    __slots__ = ("_authorizer", "_caller", "_method", "_parents", "_service", "is_limited")

    def __init__(
        self, authorizer: Authorizer | None, caller: Caller | None, service: str, method: str
    ) -> None:
        self._authorizer = None if caller is None else authorizer
        self._caller = caller
        self._service = service
        self._method = method
        self._parents: dict[str | None, bool] = {}
        self.is_limited = self._authorizer is not None

    @property
    def caller_id(self) -> str:
        """What operations and page tokens keep of the caller, "" for the service itself."""
        return self._caller.id if self._caller else ""

    async def require(self, parent: str | None) -> None:
        """Lets the call go on, whatever there is below the parent.

        Args:
            parent: see `Access`.

        Raises:
            Unauthenticated: it may not, and nobody known calls.
            PermissionDenied: it may not.
        """
        if self._authorizer is None or self._caller is None:
            return
        if not await self._may_call(self._authorizer, self._caller, parent):
            if not self._caller.id:
                raise credentials_missing(self._service or "longrunning")
            raise permission_denied(self._method, parent)

    async def covers(self, record: Record) -> bool:
        """Whether the caller may know of an operation."""
        if self._authorizer is None or self._caller is None:
            return True
        if not await self._may_call(self._authorizer, self._caller, record.parent):
            return False
        access = self._access(self._caller, record.parent)
        return await self._authorizer.may_use(access, record)

    async def listed_owner(self, parent: str | None) -> str | None:
        """Returns whose operations alone a list can show, None for whose they ever are.

        Args:
            parent: see `Access`.
        """
        if self._caller is None or not isinstance(self._authorizer, ListsByOwner):
            return None
        return await self._authorizer.listed_owner(self._access(self._caller, parent))

    async def _may_call(self, authorizer: Authorizer, caller: Caller, parent: str | None) -> bool:
        # A list asks for the same few parents again and again.
        if parent not in self._parents:
            self._parents[parent] = await authorizer.may_call(self._access(caller, parent))
        return self._parents[parent]

    def _access(self, caller: Caller, parent: str | None) -> Access:
        return Access(caller=caller, service=self._service, method=self._method, parent=parent)
