"""JWTs: signed tokens that are checked with their issuer's public keys.

Spec: RFC 7519, RFC 8725 (best current practices), RFC 9068 (access tokens)
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt

from longrunning.auth.caller import Caller
from longrunning.auth.claims import Bearer, ExpectedClaims, shown
from longrunning.auth.jwks import KEY_OF, Key
from longrunning.auth.key_set import JwksFile, JwksUrl, KeySet
from longrunning.auth.verified_tokens import VerifiedTokens
from longrunning.auth.verifier import InvalidTokenError
from longrunning.clock import Clock, system_clock

# All that is said in the token is checked by ExpectedClaims, by the clock that is injected.
_SIGNATURE_ONLY: Any = {
    f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


class JWTVerifier:
    """Checks the JWTs of one issuer.

    Args:
        issuer: the `iss` that they have to have.
        audience: the `aud` that has to be among theirs: the name of this service.
        keys: the issuer's key set (JWKS): the path of a file, which is read again when it changes,
            or a URL: HTTPS, or HTTP on loopback.
        algorithms: those that are taken, of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384,
            ES512 and EdDSA.
        leeway: how far the issuer's clock may be from ours, in seconds.
        key_lifetime: how long a key counts that is not seen in the set any more, at most, in
            seconds.
        key_retry: how long after one fetch of the keys the next may begin, in seconds.
        fetch_seconds: how long a fetch may take.
        clock: returns the time in microseconds since the Unix epoch.

    Raises:
        ValueError: an algorithm is none of these, the file is no key set, or the URL another one.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        keys: str | Path,
        algorithms: Sequence[str] = ("RS256", "ES256"),
        leeway: float = 30.0,
        key_lifetime: float = 600.0,
        key_retry: float = 10.0,
        fetch_seconds: float = 5.0,
        clock: Clock = system_clock,
    ) -> None:
        if not issuer or not audience:
            raise ValueError("a JWTVerifier needs an issuer and an audience")
        if not algorithms or not set(algorithms) <= set(KEY_OF):
            raise ValueError(f"algorithms is {algorithms!r}: expected some of {', '.join(KEY_OF)}")
        source: JwksFile | JwksUrl
        if isinstance(keys, str) and "://" in keys:
            source = JwksUrl(keys, seconds=fetch_seconds)
        else:
            source = JwksFile(Path(keys), clock=clock)
        self._issuer = issuer
        self._algorithms = frozenset(algorithms)
        self._keys = KeySet(source, lifetime=key_lifetime, retry=key_retry, clock=clock)
        self._expected = ExpectedClaims(
            issuer=issuer, audience=audience, subject="sub", leeway=leeway, clock=clock
        )
        self._verified: VerifiedTokens[Sequence[Key]] = VerifiedTokens()  # with the keys of then

    async def verify(self, token: str) -> Caller | None:
        """Returns who bears the token; None if it is no JWT that claims to be of this issuer.

        The signature of a token that was good is not checked again, while the keys stay the same.

        Raises:
            InvalidTokenError: it is not good here, or not now.
            Unavailable: the keys cannot be had now.
        """
        known = self._verified.get(token)
        if known is not None and known.proof is self._keys.current:
            return self._still_good(token, known.bearer)
        if known is None and not self._is_of_issuer(token):
            return None
        kid, algorithm = self._signed(token)
        key = await self._keys.find(kid, algorithm)
        if known is not None:
            if known.proof is self._keys.latest:
                return self._still_good(token, known.bearer)
            # The key set is another one, and with it all that was checked with the one before.
            self._verified.clear()
        if key is None:
            raise InvalidTokenError(f"there is no key {shown(kid)} for {algorithm}")
        try:
            claims = jwt.decode(
                token, key.public.key, algorithms=[algorithm], options=_SIGNATURE_ONLY
            )
        except jwt.PyJWTError as error:
            raise InvalidTokenError(f"its signature is not good: {type(error).__name__}") from None
        bearer = self._expected.bearer(claims)
        self._verified.keep(token, bearer, self._keys.latest)
        return bearer.caller

    def _still_good(self, token: str, bearer: Bearer) -> Caller:
        try:
            self._expected.check_time(bearer)
        except InvalidTokenError:
            self._verified.drop(token)
            raise
        return bearer.caller

    def _is_of_issuer(self, token: str) -> bool:
        """Whether a token says so; nothing in it is to be believed yet."""
        parts = token.split(".")
        return len(parts) == 3 and _part(parts[1]).get("iss") == self._issuer

    def _signed(self, token: str) -> tuple[str, str]:
        """Returns with which key and by which algorithm a token says that it is signed."""
        header = _part(token.partition(".")[0])
        algorithm, kid = header.get("alg"), header.get("kid", "")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise InvalidTokenError(f"its algorithm is {shown(algorithm)}")
        if "crit" in header:
            raise InvalidTokenError("its header has 'crit', of which nothing is understood here")
        if not isinstance(kid, str):
            raise InvalidTokenError(f"its key is {shown(kid)}")
        return kid, algorithm


def looks_like_jwt(token: str) -> bool:
    """Whether a token is three parts, the first of which says how the last one is made."""
    parts = token.split(".")
    return len(parts) == 3 and "alg" in _part(parts[0])


def _part(encoded: str) -> Mapping[str, object]:
    """Returns a part of a JWT, which nobody has vouched for; what is none is empty."""
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
