"""What a token says, whoever wrote it down: checked, and made into a caller.

Spec: RFC 7519, section 4.1; RFC 7662, section 2.2; RFC 9068, section 4
"""

from collections.abc import Mapping
from dataclasses import dataclass

from longrunning.auth.caller import Caller
from longrunning.auth.verifier import InvalidTokenError
from longrunning.clock import SECOND, Clock

MAX_SUBJECT_LENGTH = 255

_NEVER = 1e12  # seconds since the Unix epoch, some 30,000 years; what is not finite is not below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who bears a token, and from when until when.

    Attributes:
        caller: who.
        not_before: seconds since the Unix epoch, by the issuer's clock; None for always.
        expiry: likewise.
    """

    caller: Caller
    not_before: float | None
    expiry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedClaims:
    """What has to be in a token.

    Attributes:
        issuer: who has to have made it.
        audience: for whom it has to be made, None for whomever.
        subject: the claim that says who bears it.
        leeway: how far the issuer's clock may be from ours, in seconds.
        clock: tells the time.
    """

    issuer: str
    audience: str | None
    subject: str
    leeway: float
    clock: Clock

    def bearer(self, claims: Mapping[str, object]) -> Bearer:
        """Returns who bears the token, now.

        Raises:
            InvalidTokenError: a claim is missing, malformed, or not as expected.
        """
        if claims.get("iss") != self.issuer:
            raise InvalidTokenError(f"its issuer is {shown(claims.get('iss'))}")
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self.audience is not None and self.audience not in audiences:
            raise InvalidTokenError(f"its audience is {shown(audience)}")
        if "cnf" in claims:
            # Whoever bears it would have to prove that a key is his, which a header cannot.
            raise InvalidTokenError("it is bound to a key, so it is no bearer token")
        subject = claims.get(self.subject)
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_LENGTH:
            raise InvalidTokenError(f"its {self.subject!r} is {shown(subject)}")
        if not subject.isprintable():
            raise InvalidTokenError(f"its {self.subject!r} is not printable")
        not_before, expiry = _time(claims, "nbf"), _time(claims, "exp")
        if expiry is None:
            raise InvalidTokenError("it has no 'exp'")
        caller = Caller(subject=subject, issuer=self.issuer, scopes=_scopes(claims))
        bearer = Bearer(caller=caller, not_before=not_before, expiry=expiry)
        self.check_time(bearer)
        return bearer

    def check_time(self, bearer: Bearer) -> None:
        """Lets a token pass whose time it is.

        Raises:
            InvalidTokenError: it is not valid yet, or not any more.
        """
        now = self.clock() / SECOND
        if bearer.not_before is not None and bearer.not_before > now + self.leeway:
            raise InvalidTokenError(f"it is not valid before {bearer.not_before:.0f}")
        if bearer.expiry <= now - self.leeway:
            raise InvalidTokenError(f"it expired at {bearer.expiry:.0f}", expired=True)


def shown(value: object) -> str:
    """Returns a value of a token for a line of the log, which it must not fill or break."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."


def _time(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _NEVER:
        return value
    raise InvalidTokenError(f"its {name!r} is {shown(value)}")


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    # `scope` is the registered claim; some well-known issuers write `scp`, as text or as a list.
    value = claims.get("scope", claims.get("scp"))
    if isinstance(value, str):
        return frozenset(value.split())
    if isinstance(value, list):
        return frozenset(scope for scope in value if isinstance(scope, str))
    return frozenset()
