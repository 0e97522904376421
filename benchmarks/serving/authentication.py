"""Callers that authenticate: each client has a JWT of its own, signed for this run."""

import json
import time
from itertools import count
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.serving.checking import AUDIENCE, ISSUER, JWKS

ALGORITHM, KEY_BITS, KEY_ID = "RS256", 2048, "bench"
LIFETIME = 24 * 3600  # seconds


class Issuer:
    """Signs the tokens of clients, and writes the keys that servers check them with.

    Args:
        folder: for the key set.
    """

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        keys = {"keys": [{**public, "kid": KEY_ID, "alg": ALGORITHM, "use": "sig"}]}
        self._path = folder / "keys.json"
        self._path.write_text(json.dumps(keys))
        self._numbers = count()

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a server that lets in whoever bears a token of this issuer."""
        return {JWKS: str(self._path)}

    def headers(self) -> dict[str, str]:
        """Returns those of a new client."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": f"poller-{next(self._numbers)}",
            "iat": now,
            "exp": now + LIFETIME,
            "scope": "operations.read operations.write",
        }
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": KEY_ID})
        return {"authorization": f"Bearer {token}"}
