"""Who calls, and what they may do.

authenticator = Authenticator([JWTVerifier(issuer=..., audience=..., keys="https://.../jwks.json")])
operations = Operations(store, authorizer=OwnerOnly())
app = App(operations, authenticator=authenticator)

`JWTVerifier` and `IntrospectionVerifier` need the extra `auth`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longrunning.auth.authenticator import Authenticator
    from longrunning.auth.authorizer import (
        Access,
        Authenticated,
        Authorizer,
        ListsByOwner,
        OwnerOnly,
    )
    from longrunning.auth.caller import ANONYMOUS, Caller, caller_of
    from longrunning.auth.interceptor import AuthenticationInterceptor
    from longrunning.auth.introspection import IntrospectionVerifier
    from longrunning.auth.jwt_verifier import JWTVerifier
    from longrunning.auth.prefix_grants import GrantsError, PrefixGrants
    from longrunning.auth.sync_interceptor import SyncAuthenticationInterceptor
    from longrunning.auth.verifier import InvalidTokenError, TokenVerifier

# Where each name is defined: imported when first used, since every server knows callers, and few
# need what checks their tokens.
_HOMES = {
    "ANONYMOUS": "caller",
    "Access": "authorizer",
    "Authenticated": "authorizer",
    "AuthenticationInterceptor": "interceptor",
    "Authenticator": "authenticator",
    "Authorizer": "authorizer",
    "Caller": "caller",
    "GrantsError": "prefix_grants",
    "IntrospectionVerifier": "introspection",
    "InvalidTokenError": "verifier",
    "JWTVerifier": "jwt_verifier",
    "ListsByOwner": "authorizer",
    "OwnerOnly": "authorizer",
    "PrefixGrants": "prefix_grants",
    "SyncAuthenticationInterceptor": "sync_interceptor",
    "TokenVerifier": "verifier",
    "caller_of": "caller",
}

__all__ = [
    "ANONYMOUS",
    "Access",
    "Authenticated",
    "AuthenticationInterceptor",
    "Authenticator",
    "Authorizer",
    "Caller",
    "GrantsError",
    "IntrospectionVerifier",
    "InvalidTokenError",
    "JWTVerifier",
    "ListsByOwner",
    "OwnerOnly",
    "PrefixGrants",
    "SyncAuthenticationInterceptor",
    "TokenVerifier",
    "caller_of",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("jwt", "cryptography", "httpx"):
            raise
        raise ImportError(
            f"{name} needs the extra 'auth': pip install 'longrunning[auth]'"
        ) from error
    globals()[name] = value
    return value
