"""What whoever is not let in is told: enough to send a better token, and no more.

Spec: RFC 6750, section 3; google/api/error_reason.proto
"""

from longrunning.auth.scopes import Alternatives
from longrunning.errors import PermissionDenied, Unauthenticated


def credentials_missing(realm: str) -> Unauthenticated:
    """No token was sent."""
    return Unauthenticated(
        "The request has no access token: send 'authorization: Bearer <token>'.",
        reason="CREDENTIALS_MISSING",
        challenge=f'Bearer realm="{realm}"',
    )


def not_bearer(realm: str) -> Unauthenticated:
    """What was sent is no bearer token."""
    return Unauthenticated(
        "The credentials are no bearer token: send 'authorization: Bearer <token>'.",
        reason="ACCESS_TOKEN_TYPE_UNSUPPORTED",
        challenge=f'Bearer realm="{realm}"',
    )


def overloaded(realm: str) -> Unauthenticated:
    """Two things were sent, and nobody can tell which one counts."""
    return Unauthenticated(
        "The request has more than one 'authorization': send one.",
        reason="OVERLOADED_CREDENTIALS",
        challenge=f'Bearer realm="{realm}", error="invalid_request"',
    )


def invalid(realm: str) -> Unauthenticated:
    """The token is not good, whatever the reason."""
    return Unauthenticated(
        "The access token is not valid here.",
        reason="ACCESS_TOKEN_INVALID",
        challenge=f'Bearer realm="{realm}", error="invalid_token"',
    )


def expired(realm: str) -> Unauthenticated:
    """The token was good."""
    return Unauthenticated(
        "The access token has expired.",
        reason="ACCESS_TOKEN_EXPIRED",
        challenge=f'Bearer realm="{realm}", error="invalid_token", '
        'error_description="The access token has expired"',
    )


def scope_insufficient(realm: str, method: str, scopes: Alternatives) -> PermissionDenied:
    """The token is good, but for something else."""
    wanted = " ".join(dict.fromkeys(scope for each in scopes for scope in each))
    return PermissionDenied(
        f"The access token has none of the scopes that let it call {method}.",
        reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        metadata={"method": method},
        challenge=f'Bearer realm="{realm}", error="insufficient_scope", scope="{wanted}"',
    )


def permission_denied(method: str, parent: str | None) -> PermissionDenied:
    """The caller may not do this there, whatever is there."""
    where = "" if parent is None else f" on {parent[:200]!r}"
    return PermissionDenied(
        f"Permission for {method} denied{where} (or it may not exist).",
        reason="IAM_PERMISSION_DENIED",
        metadata={"method": method} | ({} if parent is None else {"parent": parent[:200]}),
    )
