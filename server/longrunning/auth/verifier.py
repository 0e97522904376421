"""What checks tokens, of whatever kind."""

from typing import Protocol

from longrunning.auth.caller import Caller
from longrunning.errors import Unavailable


class InvalidTokenError(Exception):
    """A token does not let its bearer in; the message says why, and is for the log alone.

    Args:
        why: for whoever operates the service.
        expired: whether all else is right with it: its bearer may be told to get a new one.
    """

    def __init__(self, why: str, *, expired: bool = False) -> None:
        super().__init__(why)
        self.expired = expired


class TokenVerifier(Protocol):
    """Checks one kind of token."""

    async def verify(self, token: str) -> Caller | None:
        """Returns who bears the token; None if it does not look as if it was of this kind.

        Raises:
            InvalidTokenError: it is not good here, or not now.
            Unavailable: what the check needs cannot be reached; trying again may help.
        """


def cannot_check() -> Unavailable:
    """Returns what a verifier raises when it cannot say whether a token is good."""
    return Unavailable(
        "Access tokens cannot be checked now; try again later.", reason="TOKEN_CHECK_UNAVAILABLE"
    )
