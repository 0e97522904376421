"""Opaque tokens, whose issuer is asked, over gRPC and over REST."""

import asyncio
import base64
import logging
from collections.abc import AsyncIterator

import pytest

from longrunning import Unavailable
from longrunning.auth import (
    Authenticated,
    Caller,
    IntrospectionVerifier,
    InvalidTokenError,
    JWTVerifier,
    OwnerOnly,
)
from tests.longrunning.auth.authorization_server import FAULTS, AuthorizationServer
from tests.longrunning.auth.conftest import ALL, scan_app, serving
from tests.longrunning.auth.front import Front, bearer
from tests.longrunning.auth.issuer import AUDIENCE, ISSUER, Issuer
from tests.longrunning.conftest import Clock

PARENT = "projects/p/locations/l"
GOOD = {"active": True, "sub": "alice", "aud": AUDIENCE, "scope": ALL}


def introspecting(
    server: AuthorizationServer, clock: Clock, **options: object
) -> IntrospectionVerifier:
    options = {"audience": AUDIENCE, "cache_seconds": 30, "fetch_seconds": 15, **options}
    return IntrospectionVerifier(
        f"{server.url}/introspect",
        client_id="scanner:1",
        client_secret="s e%cret",
        issuer=ISSUER,
        clock=clock,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def opaque(authorization_server: AuthorizationServer, clock: Clock) -> IntrospectionVerifier:
    return introspecting(authorization_server, clock)


@pytest.fixture
async def front(
    verifier: JWTVerifier, opaque: IntrospectionVerifier, clock: Clock, protocol: str
) -> AsyncIterator[Front]:
    async with serving(scan_app([verifier, opaque], OwnerOnly(), clock), protocol) as front:
        yield front


async def test_an_opaque_token_and_a_jwt_of_one_issuer_are_of_one_caller(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer
) -> None:
    authorization_server.tokens["opaque"] = GOOD
    started = await front.call("Scan", PARENT, bearer("opaque"), directory="d")
    name = started.value["name"]
    for token in ("opaque", issuer.token("alice")):
        assert (await front.call("Get", name, bearer(token))).code == "OK"
    assert (await front.call("Get", name, bearer(issuer.token("bob")))).code == "NOT_FOUND"
    assert authorization_server.asked == ["opaque"]
    # RFC 6749, section 2.3.1
    (sent,) = authorization_server.credentials
    assert sent is not None
    assert base64.b64decode(sent.removeprefix("Basic ")) == b"scanner%3A1:s+e%25cret"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"active": False}, "it is not active"),
        ({"active": False, **{k: v for k, v in GOOD.items() if k != "active"}}, "not active"),
        ({**GOOD, "aud": "https://other.example"}, "its audience is 'https://other.example'"),
        ({"active": True, "sub": "alice", "scope": ALL}, "its audience is None"),
        ({**GOOD, "iss": "https://evil.example"}, "its issuer is 'https://evil.example'"),
        ({"active": True, "aud": AUDIENCE, "scope": ALL}, "its 'sub' is None"),
        ({**GOOD, "token_type": "DPoP"}, "it is a token of type 'DPoP'"),
        ({**GOOD, "cnf": {"jkt": "x"}}, "it is bound to a key"),
        ({**GOOD, "exp": "later"}, "its 'exp' is 'later'"),
        ({**GOOD, "exp": 10**400}, "its 'exp' is 1000"),
        ({**GOOD, "nbf": 2_000_000_000}, "it is not valid before 2000000000"),
    ],
)
async def test_a_token_of_which_its_issuer_says_no_good_is_refused(
    front: Front,
    authorization_server: AuthorizationServer,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, object],
    why: str,
) -> None:
    caplog.set_level(logging.INFO, logger="longrunning")
    authorization_server.tokens["opaque"] = answer
    refused = await front.call("List", PARENT, bearer("opaque"))
    assert (refused.code, refused.reason) == ("UNAUTHENTICATED", "ACCESS_TOKEN_INVALID")
    assert why in caplog.text


async def test_scopes_of_opaque_tokens_count(
    front: Front, authorization_server: AuthorizationServer
) -> None:
    authorization_server.tokens["opaque"] = {**GOOD, "scope": "write"}
    refused = await front.call("List", PARENT, bearer("opaque"))
    assert refused.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


async def test_a_jwt_is_never_shown_to_the_introspection_server(
    front: Front, issuer: Issuer, authorization_server: AuthorizationServer
) -> None:
    for token in (issuer.token(iss="https://evil.example"), issuer.unsigned()):
        assert (await front.call("List", PARENT, bearer(token))).code == "UNAUTHENTICATED"
    assert authorization_server.asked == []


async def test_jwts_are_introspected_where_that_is_wanted(
    authorization_server: AuthorizationServer, clock: Clock, issuer: Issuer
) -> None:
    opaque = introspecting(authorization_server, clock, takes_jwts=True)
    token = issuer.token()
    authorization_server.tokens[token] = GOOD
    assert await opaque.verify(token) == Caller(
        subject="alice", issuer=ISSUER, scopes=frozenset(ALL.split())
    )


async def test_an_answer_is_kept_for_its_time_and_never_beyond_the_tokens_own(
    opaque: IntrospectionVerifier, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    now = clock.now // 1_000_000
    asked = authorization_server.asked
    authorization_server.tokens["opaque"] = GOOD
    await opaque.verify("opaque")
    clock.advance(29.9)
    await opaque.verify("opaque")
    assert asked == ["opaque"]
    authorization_server.tokens["opaque"] = {**GOOD, "active": False}
    clock.advance(0.1)
    with pytest.raises(InvalidTokenError, match="not active"):
        await opaque.verify("opaque")
    authorization_server.tokens["short"] = {**GOOD, "exp": now + 40}
    await opaque.verify("short")
    clock.advance(9.9)
    await opaque.verify("short")
    assert asked == ["opaque", "opaque", "short"]
    # From its end on the issuer is asked again, though the leeway goes on.
    clock.advance(0.1)
    await opaque.verify("short")
    authorization_server.tokens["short"] = {"active": False}
    with pytest.raises(InvalidTokenError, match="not active"):
        await opaque.verify("short")
    assert asked == ["opaque", "opaque", "short", "short", "short"]


async def test_an_answer_is_not_kept_by_a_clock_that_is_set_back(
    opaque: IntrospectionVerifier, authorization_server: AuthorizationServer, clock: Clock
) -> None:
    authorization_server.tokens["opaque"] = GOOD
    await opaque.verify("opaque")
    clock.advance(-1)
    await opaque.verify("opaque")
    assert authorization_server.asked == ["opaque", "opaque"]


async def test_no_answer_is_kept_unless_that_is_wanted(
    authorization_server: AuthorizationServer, clock: Clock
) -> None:
    opaque = IntrospectionVerifier(
        f"{authorization_server.url}/introspect",
        client_id="c",
        client_secret="s",
        issuer=ISSUER,
        audience=AUDIENCE,
        leeway=0,
        clock=clock,
    )
    authorization_server.tokens["opaque"] = GOOD
    for _ in range(3):
        assert (await opaque.verify("opaque")).subject == "alice"
    authorization_server.tokens["opaque"] = {**GOOD, "active": False}
    with pytest.raises(InvalidTokenError, match="not active"):
        await opaque.verify("opaque")
    assert authorization_server.asked == ["opaque"] * 4
    assert len(opaque._verified) == 0


async def test_nothing_is_kept_of_a_token_that_is_refused(
    opaque: IntrospectionVerifier, authorization_server: AuthorizationServer
) -> None:
    authorization_server.tokens["for others"] = {**GOOD, "aud": "https://other.example"}
    for token in ("unknown", "for others") * 2:
        with pytest.raises(InvalidTokenError):
            await opaque.verify(token)
    assert authorization_server.asked == ["unknown", "for others"] * 2
    authorization_server.tokens["unknown"] = GOOD
    assert (await opaque.verify("unknown")).subject == "alice"
    assert len(opaque._verified) == 1
    assert "unknown" not in repr(vars(opaque))


async def test_one_token_is_asked_about_once_at_a_time(
    opaque: IntrospectionVerifier, authorization_server: AuthorizationServer
) -> None:
    authorization_server.tokens["opaque"] = GOOD
    authorization_server.held.clear()
    calls = [asyncio.create_task(opaque.verify("opaque")) for _ in range(20)]
    while not authorization_server.asked:
        await asyncio.sleep(0.01)
    calls[0].cancel()
    authorization_server.held.set()
    callers = await asyncio.gather(*calls[1:])
    assert {caller.id for caller in callers} == {f"{ISSUER}#alice"}
    assert authorization_server.asked == ["opaque"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_the_issuer_is_unavailable_and_not_the_callers(
    front: Front, authorization_server: AuthorizationServer, fault: str
) -> None:
    authorization_server.tokens["opaque"] = GOOD
    authorization_server.fault = FAULTS[fault]
    refused = await front.call("List", PARENT, bearer("opaque"))
    assert (refused.code, refused.reason) == ("UNAVAILABLE", "TOKEN_CHECK_UNAVAILABLE")
    assert refused.http_status in (None, 503)
    assert refused.challenge is None
    assert authorization_server.url not in repr(refused.raw)
    authorization_server.fault = None
    assert (await front.call("List", PARENT, bearer("opaque"))).code == "OK"


async def test_a_slow_issuer_is_unavailable_after_its_time(
    authorization_server: AuthorizationServer, clock: Clock, protocol: str
) -> None:
    opaque = introspecting(authorization_server, clock, fetch_seconds=0.2)
    async with serving(scan_app([opaque], Authenticated(), clock), protocol) as front:
        authorization_server.held.clear()
        assert (await front.call("List", PARENT, bearer("slow"))).code == "UNAVAILABLE"


async def test_nobody_else_has_to_wait_for_a_slow_issuer(
    front: Front, authorization_server: AuthorizationServer, issuer: Issuer
) -> None:
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"
    authorization_server.held.clear()
    slow = asyncio.create_task(front.call("List", PARENT, bearer("slow")))
    while not authorization_server.asked:
        await asyncio.sleep(0.01)
    assert (await front.call("List", PARENT, bearer(issuer.token()))).code == "OK"
    assert not slow.done()
    authorization_server.held.set()
    assert (await slow).code == "UNAUTHENTICATED"


async def test_few_tokens_are_asked_about_at_once(
    opaque: IntrospectionVerifier, authorization_server: AuthorizationServer
) -> None:
    authorization_server.held.clear()
    calls = [asyncio.create_task(opaque.verify(f"token-{number}")) for number in range(40)]
    while len(authorization_server.asked) < 32:
        await asyncio.sleep(0.01)
    authorization_server.held.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {InvalidTokenError}
    assert authorization_server.most_under_way <= 32


async def test_an_issuer_that_is_down_is_unavailable(
    authorization_server: AuthorizationServer, opaque: IntrospectionVerifier
) -> None:
    authorization_server.stop()
    try:
        with pytest.raises(Unavailable):
            await opaque.verify("opaque")
    finally:
        authorization_server.__init__()  # type: ignore[misc]  # for the fixture to stop


@pytest.mark.parametrize(
    "url", ["http://issuer.example/i", "http://10.0.0.1/i", "ftp://localhost/i", "https:///i", "i"]
)
def test_nothing_is_asked_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match=r"is not https://\.\.\., nor http:// on loopback"):
        IntrospectionVerifier(
            url, client_id="c", client_secret="s", issuer=ISSUER, audience=AUDIENCE
        )
    if "://" in url:
        with pytest.raises(ValueError, match=r"is not https://\.\.\., nor http:// on loopback"):
            JWTVerifier(issuer=ISSUER, audience=AUDIENCE, keys=url)
