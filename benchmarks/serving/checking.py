"""What checks the callers of measured apps, where they authenticate.

Variables of the environment:
    BENCH_JWKS: the file of the keys that check tokens; without it nobody is asked for one.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from longrunning.auth import Authenticator

JWKS = "BENCH_JWKS"
ISSUER, AUDIENCE = "https://issuer.bench.example", "https://operations.bench.example"


def authenticator() -> "Authenticator | None":
    """Returns what checks tokens: JWTs with the keys of a file, if there is one."""
    if JWKS not in os.environ:
        return None
    from longrunning.auth import Authenticator, JWTVerifier  # noqa: PLC0415 - an optional part

    verifier = JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=os.environ[JWKS])
    return Authenticator([verifier])
