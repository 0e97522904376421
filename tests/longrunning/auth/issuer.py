"""An issuer of JWTs, with real keys."""

import base64
import functools
import hashlib
import hmac
import itertools
import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

ISSUER = "https://issuer.example"
AUDIENCE = "https://scanner.example"


@functools.cache
def rsa_key(number: int, bits: int = 2048) -> rsa.RSAPrivateKey:
    """Returns a key of the session: making one takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@functools.cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(key: rsa.RSAPrivateKey, kid: str, **members: object) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **members}


def ec_jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    # PyJWT 2.9 writes a coordinate without its leading zeros, and then refuses it.
    numbers = key.public_key().public_numbers()
    x, y = (
        base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()
        for number in (numbers.x, numbers.y)
    )
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": kid}


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Issuer:
    """Signs whatever it is asked to, with its newest key.

    Attributes:
        now: the time of its clock, in seconds.
    """

    def __init__(self, now: int) -> None:
        self.now = now
        self._numbers = itertools.count(1)
        self.rotate()

    def rotate(self) -> None:
        """Takes another key; the one before is published no more."""
        number = next(self._numbers)
        self.kid, self.key = f"key-{number}", rsa_key(number)

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [rsa_jwk(self.key, self.kid, use="sig", alg="RS256")]}

    def claims(self, subject: str = "alice", **changes: object) -> dict[str, Any]:
        """The claims of a good token; a change to None leaves one out."""
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": "read write",
            "iat": self.now,
            "exp": self.now + 3600,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self, subject: str = "alice", *, header: dict[str, Any] | None = None, **changes: object
    ) -> str:
        headers = {"kid": self.kid, **(header or {})}
        return jwt.encode(
            self.claims(subject, **changes), self.key, algorithm="RS256", headers=headers
        )

    def unsigned(self) -> str:
        """`alg: none`."""
        return f"{part({'alg': 'none', 'kid': self.kid})}.{part(self.claims())}."

    def signed_with_the_public_key(self) -> str:
        """HS256, with what everybody knows as its secret."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        signed = f"{part({'alg': 'HS256', 'kid': self.kid})}.{part(self.claims())}"
        mac = hmac.new(public, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def tampered(self) -> str:
        """Somebody else's claims before a signature of this issuer."""
        header, _, signature = self.token().split(".")
        return f"{header}.{part(self.claims('mallory'))}.{signature}"
