"""Opaque tokens: their issuer is asked what they are good for.

Spec: RFC 7662
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from urllib.parse import quote_plus

from longrunning.auth.caller import Caller
from longrunning.auth.claims import ExpectedClaims, shown
from longrunning.auth.fetching import FetchError, check_url, fetch_json
from longrunning.auth.jwt_verifier import looks_like_jwt
from longrunning.auth.verified_tokens import VerifiedTokens
from longrunning.auth.verifier import InvalidTokenError, cannot_check
from longrunning.clock import SECOND, Clock, microseconds, system_clock

_log = logging.getLogger(__name__)

_AT_ONCE = 32  # questions under way; whoever comes later waits for one of them to end

_Answer = Mapping[str, object]


class IntrospectionVerifier:
    """Checks the tokens of one issuer by asking it.

    It is asked at each call, unless answers are kept: a token that is revoked is then good for up
    to `cache_seconds` more (RFC 7662, section 4).

    Args:
        url: the issuer's introspection endpoint: HTTPS, or HTTP on loopback.
        client_id: who asks.
        client_secret: the password of that client.
        issuer: whose tokens these are; an `iss` in the answer has to be the same.
        audience: what has to be among the `aud` of the answer: the name of this service. None for
            an issuer that names none, and whose tokens are all for this service.
        takes_jwts: whether tokens that look like JWTs are asked about, too.
        cache_seconds: how long the answer about a good token is kept, but never beyond its `exp`.
        fetch_seconds: how long an answer may take, and how long it may take until it is asked for.
        leeway: how far the issuer's clock may be from ours, in seconds.
        clock: returns the time in microseconds since the Unix epoch.

    Raises:
        ValueError: the URL is another one.
    """

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        client_secret: str,
        issuer: str,
        audience: str | None,
        takes_jwts: bool = False,
        cache_seconds: float = 0.0,
        fetch_seconds: float = 5.0,
        leeway: float = 30.0,
        clock: Clock = system_clock,
    ) -> None:
        check_url("the introspection endpoint", url)
        if not issuer or audience == "":
            raise ValueError("an IntrospectionVerifier needs an issuer and an audience")
        self._url = url
        # RFC 6749, section 2.3.1: form-encoded before they are joined by a colon.
        self._credentials = (quote_plus(client_id), quote_plus(client_secret))
        self._takes_jwts = takes_jwts
        self._cache_time = microseconds("cache_seconds", cache_seconds)
        self._seconds = fetch_seconds
        self._issuer = issuer
        self._clock = clock
        self._expected = ExpectedClaims(
            issuer=issuer, audience=audience, subject="sub", leeway=leeway, clock=clock
        )
        self._verified: VerifiedTokens[int] = VerifiedTokens()  # with the time of the question
        self._asking: dict[bytes, asyncio.Task[tuple[int, _Answer]]] = {}  # by digest
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def verify(self, token: str) -> Caller | None:
        """Returns who bears the token; None if it is not one that only its issuer can read.

        Raises:
            InvalidTokenError: it is not good here, or not now.
            Unavailable: the issuer cannot be asked now.
        """
        kept = self._verified.get(token)
        if kept is not None:
            if self._is_fresh(kept.proof) and self._clock() < kept.bearer.expiry * SECOND:
                self._expected.check_time(kept.bearer)
                return kept.bearer.caller
            self._verified.drop(token)
        elif not self._takes_jwts and looks_like_jwt(token):
            return None
        asked_at, answer = await self._answer(token)
        if answer.get("active") is not True:
            raise InvalidTokenError("its issuer says that it is not active")
        kind = answer.get("token_type", "Bearer")
        if not isinstance(kind, str) or kind.lower() not in ("bearer", "access_token"):
            raise InvalidTokenError(f"it is a token of type {shown(kind)}")
        # Members that the issuer need not send, where it is asked what only it knows.
        until = (self._clock() + self._cache_time) // SECOND + 1
        otherwise = {"iss": self._issuer, "exp": until}
        bearer = self._expected.bearer(otherwise | dict(answer))
        if self._is_fresh(asked_at):
            self._verified.keep(token, bearer, asked_at)
        return bearer.caller

    def _is_fresh(self, asked_at: int) -> bool:
        # A clock that was set back must not make answers live for ever.
        return 0 <= self._clock() - asked_at < self._cache_time

    async def _answer(self, token: str) -> tuple[int, _Answer]:
        digest = hashlib.sha256(token.encode()).digest()
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.get_running_loop().create_task(self._ask(token))
            self._asking[digest] = asking
            asking.add_done_callback(lambda done: self._asked(digest, done))
        # Shielded: whoever goes away leaves the answer to the others that wait for it.
        return await asyncio.shield(asking)

    def _asked(self, digest: bytes, done: "asyncio.Task[tuple[int, _Answer]]") -> None:
        del self._asking[digest]
        if not done.cancelled():
            done.exception()  # it is said in the log, even if nobody waits for it any more

    async def _ask(self, token: str) -> tuple[int, _Answer]:
        asked_at = self._clock()
        try:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._room.acquire()
            except TimeoutError:
                raise FetchError(f"{_AT_ONCE} questions are under way already") from None
            try:
                answer = await fetch_json(
                    self._url,
                    seconds=self._seconds,
                    form={"token": token, "token_type_hint": "access_token"},
                    credentials=self._credentials,
                )
            finally:
                self._room.release()
            if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
                raise FetchError(f"{self._url} answered with something that is no introspection")
        except FetchError as error:
            _log.error("tokens cannot be introspected: %s", error)
            raise cannot_check() from None
        return asked_at, answer
