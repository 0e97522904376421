"""Tokens that are kept once they were good: quicker, and refused as promptly as without."""

import asyncio
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longrunning import Unavailable
from longrunning.auth import Authenticated, Caller, InvalidTokenError, JWTVerifier
from longrunning.auth.claims import Bearer
from longrunning.auth.jwks import Key, parse_keys
from longrunning.auth.key_set import KeySet
from longrunning.auth.verified_tokens import VerifiedTokens
from tests.longrunning.auth.authorization_server import AuthorizationServer
from tests.longrunning.auth.conftest import scan_app, serving
from tests.longrunning.auth.front import bearer
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER, Issuer, part, rsa_jwk, rsa_key
from tests.longrunning.auth.test_tokens import BAD_TOKENS
from tests.longrunning.conftest import Clock

PARENT = "projects/p/locations/l"


class Signatures:
    """Counts the signatures that are checked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.checked = 0
        self._decode = jwt.decode
        monkeypatch.setattr(jwt, "decode", self)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.checked += 1
        return self._decode(*arguments, **options)


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> Signatures:
    return Signatures(monkeypatch)


async def refusal(verifier: JWTVerifier, token: str) -> str:
    with pytest.raises(InvalidTokenError) as refused:
        await verifier.verify(token)
    return str(refused.value)


async def test_a_signature_is_checked_once(
    verifier: JWTVerifier, issuer: Issuer, signatures: Signatures
) -> None:
    tokens = [issuer.token(), issuer.token("bob", scope="read")]
    first = [await verifier.verify(token) for token in tokens]
    assert signatures.checked == 2
    for _ in range(3):
        assert [await verifier.verify(token) for token in tokens] == first
    assert signatures.checked == 2
    assert first[1] == Caller(subject="bob", issuer=ISSUER, scopes=frozenset({"read"}))


async def test_a_signature_is_checked_again_with_other_keys_and_not_before(
    verifier: JWTVerifier, clock: Clock, issuer: Issuer, signatures: Signatures
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    clock.advance(300)
    for _ in range(3):
        await verifier.verify(token)
    assert signatures.checked == 1
    fetch = verifier._keys._loading  # behind the callers' backs
    assert fetch is not None
    await fetch
    for _ in range(3):
        await verifier.verify(token)
    assert signatures.checked == 2


async def test_attacks_are_refused_after_the_good_token_that_they_resemble(
    verifier: JWTVerifier, clock: Clock, issuer: Issuer, protocol: str, signatures: Signatures
) -> None:
    good = issuer.token()
    header, claims, signature = good.split(".")
    attacks = {kind: make(issuer) for kind, make in BAD_TOKENS.items()} | {
        "its claims, unsigned": f"{part({'alg': 'none'})}.{claims}.",
        "its claims without the signature": f"{header}.{claims}.",
        "its signature below others' claims": (
            f"{header}.{part(issuer.claims('mallory'))}.{signature}"
        ),
        "its first half": good[: len(good) // 2],
        "with something behind it": f"{good}A",
    }
    async with serving(scan_app([verifier], Authenticated(), clock), protocol) as front:
        for kind, attack in attacks.items():
            assert (await front.call("List", PARENT, bearer(good))).code == "OK"
            answer = await front.call("List", PARENT, bearer(attack))
            assert (kind, answer.code) == (kind, "UNAUTHENTICATED")
        assert len(verifier._verified) == 1  # nothing of what was refused is kept
        checked = signatures.checked
        assert (await front.call("List", PARENT, bearer(good))).code == "OK"
        assert signatures.checked == checked


async def test_what_is_kept_ends_with_the_token(
    verifier: JWTVerifier, clock: Clock, issuer: Issuer, protocol: str
) -> None:
    token = issuer.token(exp=issuer.now + 60, nbf=issuer.now)
    async with serving(scan_app([verifier], Authenticated(), clock), protocol) as front:
        for seconds, code in ((0, "OK"), (89.9, "OK"), (0.1, "UNAUTHENTICATED")):
            clock.advance(seconds)
            assert (await front.call("List", PARENT, bearer(token))).code == code
        assert len(verifier._verified) == 0
        # By a clock that is set back it counts again, and then is too early.
        for seconds, code in ((-90, "OK"), (-30, "OK"), (-0.1, "UNAUTHENTICATED")):
            clock.advance(seconds)
            assert (await front.call("List", PARENT, bearer(token))).code == code
        assert len(verifier._verified) == 0


async def test_a_key_that_rotated_away_takes_its_tokens_with_it(
    tmp_path: Path, clock: Clock, issuer: Issuer, protocol: str
) -> None:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(issuer.jwks))
    verifier = JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=path, clock=clock)
    tokens = [issuer.token(subject) for subject in ("alice", "bob")]
    async with serving(scan_app([verifier], Authenticated(), clock), protocol) as front:
        for token in tokens:
            assert (await front.call("List", PARENT, bearer(token))).code == "OK"
        # The same name, and another key.
        keys = {"keys": [rsa_jwk(rsa_key(99), issuer.kid)]}
        await asyncio.to_thread(path.write_text, json.dumps(keys))
        clock.advance(0.02)
        answer = await front.call("List", PARENT, bearer(tokens[0]))
        assert (answer.code, answer.reason) == ("UNAUTHENTICATED", "ACCESS_TOKEN_INVALID")
        assert len(verifier._verified) == 0
        assert (await front.call("List", PARENT, bearer(tokens[1]))).code == "UNAUTHENTICATED"


async def test_keys_that_cannot_be_had_any_more_take_their_tokens_with_them(
    verifier: JWTVerifier, authorization_server: AuthorizationServer, clock: Clock, issuer: Issuer
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    authorization_server.fault = (500, b"{}")
    clock.advance(600)
    with pytest.raises(Unavailable):
        await verifier.verify(token)


class Published:
    """Keys as an issuer publishes them, without a server.

    Attributes:
        keys: what is there now.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        self.has_changed = False

    async def load(self) -> Sequence[Key]:
        self.has_changed = False
        return self.keys


# What happens, and which token is used then.
STEPS = st.lists(
    st.tuples(
        st.one_of(
            st.tuples(st.just("wait"), st.sampled_from([0, 10, 45, 91, 300, 600, -91])),
            st.tuples(st.just("publish"), st.sampled_from([[1], [12], [2], [1, 2], []])),
            st.tuples(st.just("publish at once"), st.sampled_from([[1], [12], [2], [1, 2], []])),
        ),
        st.integers(0, 3),
    ),
    min_size=2,
    max_size=12,
)


@settings(max_examples=200, database=None)
@given(STEPS)
def test_a_token_counts_exactly_as_long_as_if_it_was_checked_anew(
    steps: list[tuple[tuple[str, Any], int]],
) -> None:
    clock = Clock()
    now = clock.now // 1_000_000

    def keys(numbers: Sequence[int]) -> Sequence[Key]:
        # 12 is another key that has the name of the first.
        each = [rsa_jwk(rsa_key(number), f"key-{str(number)[0]}") for number in numbers or [3]]
        return parse_keys({"keys": each})

    issuers = [Issuer(now), Issuer(now)]
    issuers[1].rotate()
    tokens = [
        issuer.token(exp=now + until, nbf=now + since)
        for issuer in issuers
        for since, until in ((0, 60), (60, 10_000))
    ]
    verifiers, sources = [], []
    for remembering in (True, False):
        source = Published(keys([1]))
        verifier = JWTVerifier(
            issuer=ISSUER, audience=AUDIENCE, keys="http://127.0.0.1/unused", clock=clock
        )
        verifier._keys = KeySet(source, lifetime=600, retry=10, clock=clock)
        if not remembering:
            verifier._verified = VerifiedTokens(max_bytes=0)
        verifiers.append(verifier)
        sources.append(source)

    async def outcome(verifier: JWTVerifier, token: str) -> str:
        try:
            caller = await verifier.verify(token)
            assert caller is not None
            return caller.id
        except (InvalidTokenError, Unavailable) as error:
            return str(error)
        finally:
            if verifier._keys._loading:  # the fetch behind the callers' backs
                await verifier._keys._loading

    async def both() -> None:
        for (step, what), used in steps:
            if step == "wait":
                clock.advance(what)
            else:
                for source in sources:
                    source.keys = keys(what)
                    source.has_changed = step == "publish at once"
            outcomes = [await outcome(verifier, tokens[used]) for verifier in verifiers]
            assert outcomes[0] == outcomes[1]
        assert len(verifiers[1]._verified) == 0

    asyncio.run(both())


def told(subject: str, *scopes: str) -> Bearer:
    caller = Caller(subject=subject, issuer=ISSUER, scopes=frozenset(scopes))
    return Bearer(caller=caller, not_before=None, expiry=1e9)


def test_what_is_kept_is_bounded_and_what_was_used_longest_ago_makes_room() -> None:
    one: VerifiedTokens[int] = VerifiedTokens()
    one.keep("token", told("alice"), 0)
    kept: VerifiedTokens[int] = VerifiedTokens(max_bytes=4 * one._bytes)
    for number in range(4):
        kept.keep(f"token-{number}", told("alice"), number)
    assert kept.get("token-0") is not None
    kept.keep("token-4", told("alice"), 4)
    there = [number for number in range(5) if kept.get(f"token-{number}") is not None]
    assert there == [0, 2, 3, 4]
    # Scopes count too.
    kept.keep("of many", told("alice", *(f"scope-{number}" for number in range(100))), 5)
    assert (len(kept), kept._bytes) == (0, 0)


def test_a_token_that_is_kept_again_counts_once_and_nothing_holds_its_text() -> None:
    kept: VerifiedTokens[int] = VerifiedTokens()
    for number in range(3):
        kept.keep("token-a", told("alice"), number)
    found = kept.get("token-a")
    assert found is not None
    assert (found.bearer, found.proof) == (told("alice"), 2)
    size = kept._bytes
    kept.keep("token-b", told("carol"), 1)  # who takes as much
    assert kept._bytes == 2 * size
    assert "token-" not in repr(vars(kept))
    kept.drop("token-a")
    kept.drop("token-a")
    assert (kept.get("token-a"), kept._bytes) == (None, size)
    kept.clear()
    assert (len(kept), kept._bytes) == (0, 0)


@pytest.mark.parametrize("subject", ["ann", "\U0001f600" * 250])
def test_what_is_kept_takes_no_more_than_it_may(subject: str) -> None:
    kept: VerifiedTokens[int] = VerifiedTokens(max_bytes=1024 * 1024)
    tracemalloc.start()
    try:
        for number in range(3000):
            caller = Caller(subject=f"{subject}{number}", issuer=ISSUER)
            kept.keep(f"token{number}", Bearer(caller=caller, not_before=None, expiry=0.0), 0)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) > 100
    assert taken < 1024 * 1024
