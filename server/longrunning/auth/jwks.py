"""The public keys of an issuer, as it publishes them.

Spec: RFC 7517; RFC 7518, section 6; RFC 8725, sections 3.1 and 3.5
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

# Which kind of key an algorithm takes. None is symmetric: a public key must never be its secret.
KEY_OF: dict[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """One public key.

    Attributes:
        kid: its name, "" if it has none.
        kind: key type and curve, as in `KEY_OF`.
        algorithm: the only one that it is for, "" if it does not say.
        public: what checks signatures.
    """

    kid: str
    kind: tuple[str, str | None]
    algorithm: str
    public: jwt.PyJWK

    def is_for(self, algorithm: str) -> bool:
        """Whether it checks signatures of an algorithm."""
        return KEY_OF[algorithm] == self.kind and self.algorithm in ("", algorithm)


class KeySetError(Exception):
    """A document is no key set; the message says why."""


def parse_keys(document: object) -> tuple[Key, ...]:
    """Returns the keys of a JWKS that check signatures; others are passed over.

    Raises:
        KeySetError: it is no key set, or there is no such key in it.
    """
    entries = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        raise KeySetError("it is no JWKS: expected an object with 'keys', a list")
    found = tuple(key for entry in entries if (key := _key(entry)) is not None)
    if not found:
        raise KeySetError("none of its keys checks signatures of RS, PS, ES or EdDSA")
    return found


def read_keys(raw: bytes) -> tuple[Key, ...]:
    """Returns the keys of a JWKS that is JSON.

    Raises:
        KeySetError: see `parse_keys`.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise KeySetError("it is no JSON") from None
    return parse_keys(document)


def _key(entry: object) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    if "d" in entry:  # a private key, and so anybody's by now
        return None
    kty = str(entry.get("kty"))
    kind = (kty, None if kty == "RSA" else str(entry.get("crv")))
    algorithm, kid = entry.get("alg", ""), entry.get("kid", "")
    algorithms = [name for name, takes in KEY_OF.items() if takes == kind]
    if not algorithms or algorithm not in ("", *algorithms) or not isinstance(kid, str):
        return None
    try:
        public = jwt.PyJWK(entry, algorithm or algorithms[0])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):  # the last ones by older PyJWTs
        return None
    if isinstance(public.key, RSAPublicKey) and public.key.key_size < MIN_RSA_BITS:
        return None
    return Key(kid, kind, algorithm, public)
