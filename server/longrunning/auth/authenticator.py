"""From the metadata of a call to its caller.

Spec: RFC 6750, section 2.1; RFC 9110, section 11
"""

import logging
import secrets
from collections.abc import Collection, Iterable, Sequence
from string import ascii_letters, digits

from longrunning.auth import refusals
from longrunning.auth.caller import ANONYMOUS, Caller
from longrunning.auth.scopes import NO_TOKEN, Alternatives, any_one_of, selects
from longrunning.auth.verifier import InvalidTokenError, TokenVerifier
from longrunning.errors import Internal, OperationsError, Unauthenticated

_log = logging.getLogger(__name__)

_ALPHABET = f"{ascii_letters}{digits}._~+/-".encode()  # of b64token, with `=` behind


class Authenticator:
    """Lets in whoever bears a token that is good, for scopes that suffice.

    Args:
        verifiers: check tokens; the first of whose kind a token looks decides.
        scopes: any one of these lets a caller use a method of which no `authentication.rules` of
            the service files speak; without any, every good token does.
        without_token: methods that need no token, such as `grpc.health.v1.Health.*`; a token that
            is sent all the same has to be good.
        realm: what the challenge of a refusal calls this service.
        max_token_bytes: longer tokens are refused unread.

    Raises:
        ValueError: there is no verifier, or the realm cannot be written in a header.
    """

    def __init__(
        self,
        verifiers: Sequence[TokenVerifier],
        *,
        scopes: Collection[str] = (),
        without_token: Collection[str] = (),
        realm: str = "longrunning",
        max_token_bytes: int = 8192,
    ) -> None:
        if not verifiers:
            raise ValueError("an Authenticator needs a verifier: without one nobody can come in")
        if '"' in realm or "\\" in realm or not (realm.isascii() and realm.isprintable()):
            raise ValueError(f"the realm {realm!r} is not printable ASCII without quotes")
        self._verifiers = tuple(verifiers)
        self._otherwise = any_one_of(scopes)
        self._without_token = tuple(without_token)
        self._realm = realm
        self._max_token_bytes = max_token_bytes

    async def authenticate(
        self,
        selector: str,
        metadata: Iterable[tuple[str, str | bytes]],
        required: Alternatives | None,
    ) -> Caller:
        """Returns who calls.

        Args:
            selector: the method, `pkg.Service.Method`.
            metadata: of the call.
            required: what the service files say of the method.

        Raises:
            Unauthenticated: there is no token, or it is not good.
            PermissionDenied: it is good for other scopes.
            Unavailable: it cannot be checked now.
            Internal: its verifier failed.
        """
        needed = self._needed(selector, required)
        try:
            token = self._token(metadata)
            if token is None:
                if needed == NO_TOKEN:
                    return ANONYMOUS
                raise refusals.credentials_missing(self._realm)
            for verifier in self._verifiers:
                caller = await verifier.verify(token)
                if caller is not None:
                    break
            else:
                raise InvalidTokenError("no verifier takes tokens that look like this")
            if not caller.id:
                raise InvalidTokenError("its verifier does not say who bears it")
        except InvalidTokenError as error:
            _log.info("refused a token for %s: %s", _printable(selector), error)
            raise (refusals.expired if error.expired else refusals.invalid)(self._realm) from None
        except Unauthenticated as error:
            _log.info("refused a call of %s: %s", _printable(selector), error.reason)
            raise
        except OperationsError:
            raise
        except Exception as error:  # a verifier may be anybody's, and gRPC tells clients its text
            raise _failure(selector, error) from None
        if needed and not _suffices(caller.scopes, needed):
            _log.info(
                "refused %s for %s: the scopes do not suffice",
                _printable(caller.id),
                _printable(selector),
            )
            raise refusals.scope_insufficient(self._realm, selector, needed)
        return caller

    def _needed(self, selector: str, required: Alternatives | None) -> Alternatives:
        for pattern in self._without_token:
            if selects(pattern, selector):
                return NO_TOKEN
        return self._otherwise if required is None else required

    def _token(self, metadata: Iterable[tuple[str, str | bytes]]) -> str | None:
        sent = [value for key, value in metadata if key == "authorization"]
        if not sent:
            return None
        if len(sent) > 1:
            raise refusals.overloaded(self._realm)
        (credentials,) = sent
        if isinstance(credentials, bytes):
            credentials = credentials.decode("latin-1")
        if len(credentials) > self._max_token_bytes + len("Bearer "):
            raise InvalidTokenError(f"it has more than {self._max_token_bytes} bytes")
        scheme, _, rest = credentials.strip().partition(" ")
        if scheme.lower() != "bearer":  # which is written in any case
            raise refusals.not_bearer(self._realm)
        token = rest.lstrip(" ")
        if not _is_b64token(token):
            raise InvalidTokenError("it is no token of RFC 6750's alphabet")
        return token


def _failure(selector: str, error: Exception) -> Internal:
    correlation = secrets.token_hex(8)
    _log.error("a verifier failed for %s [%s]", _printable(selector), correlation, exc_info=error)
    return Internal(
        "Internal error.",
        reason="TOKEN_CHECK_FAILED",
        metadata={"correlation_id": correlation},
    )


def _is_b64token(token: str) -> bool:
    # A regular expression takes three times as long, and each call comes here.
    text = token.rstrip("=")
    return text.isascii() and text != "" and not text.encode().translate(None, _ALPHABET)


def _suffices(scopes: frozenset[str], needed: Alternatives) -> bool:
    for each in needed:  # noqa: SIM110 - each call comes here, and `any` costs it more
        if scopes.issuperset(each):
            return True
    return False


def _printable(text: str) -> str:
    """Returns what a client wrote for a line of the log, which it must not fill or break."""
    return ascii(text[:300])[1:-1]
